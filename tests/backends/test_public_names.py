"""The public names of the backend classes. Add a name here only if hosts may use or override it."""

from __future__ import annotations

import pytest

from ringotel_crm.backends.base import (
    Backend,
    ContactDirectory,
    OrganizationDirectory,
    UserDirectory,
)
from ringotel_crm.backends.model import (
    CompositeContactDirectory,
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
    ModelUserDirectory,
)
from ringotel_crm.backends.users import AuthUserDirectory

BACKEND = (
    "actor contact_directory contacts organization_directory organizations tenant user_directory "
    "users"
)
USERS = "backend component_classes records resolve user_ids_for"
CONTACTS = (
    "add_number add_url backend can_create can_delete can_merge can_update component_classes "
    "create delete duplicates find find_by_email find_by_organization find_existing from_reference "
    "get importer merge model numbers records rows same_organization sort_key to_reference update "
    "url"
)
ORGANIZATIONS = "backend component_classes records rows"
CONTACTS += " can_remove_numbers remove_number"
# Attributes and methods of all directories over models.
MODEL = (
    "all_rows columns created_at get get_queryset model optional phone_table phones save "
    "set_tenant tenant to_record updated_at validate"
)
PERSON = "email first_name last_name name"
MODEL_CONTACTS = (
    "add_url_name assign build_instance company_name format_number get_or_create_company job_title "
    "reload_record url_name"
)


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        (Backend, BACKEND),
        (ModelBackend, BACKEND),
        (UserDirectory, USERS),
        (AuthUserDirectory, f"{USERS} get_queryset to_record"),
        (ModelUserDirectory, f"{USERS} {MODEL} {PERSON} extension user"),
        (ContactDirectory, CONTACTS),
        (CompositeContactDirectory, f"{CONTACTS} creates parts"),
        (ModelContactDirectory, f"{CONTACTS} {MODEL} {PERSON} {MODEL_CONTACTS}"),
        (OrganizationDirectory, ORGANIZATIONS),
        (
            ModelOrganizationDirectory,
            f"{ORGANIZATIONS} {MODEL} create email main_contact name website",
        ),
    ],
)
def test_only_documented_names_are_public(cls: type, names: str) -> None:
    annotated = {name for base in cls.__mro__ for name in getattr(base, "__annotations__", {})}
    instance = {"actor"} if issubclass(cls, Backend) else {"backend"}
    public = {name for name in {*dir(cls), *annotated, *instance} if not name.startswith("_")}
    assert public == set(names.split())
