"""System checks for what a mapping has to write: required fields of new rows; and URLs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.core.checks import CheckMessage, Warning
from django.db.models import NOT_PROVIDED, AutoField
from django.db.models.constants import LOOKUP_SEP
from django.urls import NoReverseMatch, reverse

from .base import Backend
from .composite import CompositeContactDirectory
from .mapping import resolve_path, split
from .model import ModelContactDirectory, ModelOrganizationDirectory
from .model_rows import ModelDirectory

# Primary keys of several types, in URLs.
SAMPLE_KEYS = ("1", str(uuid.UUID(int=1)), "a")
# Methods that, if overridden, may set any field.
CONTACT_METHODS = ("create", "build_instance", "assign", "set_tenant", "validate")
COMPANY_METHODS = ("create", "set_tenant", "validate")


def check_writes(backend: type[Backend]) -> Iterator[CheckMessage]:
    """Check the rows that Ringotel creates, and the URLs of contacts. The mapping must be valid."""
    for component in backend.contact_directory.component_classes():
        if issubclass(component, ModelContactDirectory):
            yield from _check_url(component)
    contacts = _creating_directory(backend.contact_directory)
    if contacts is None:
        return
    yield from _check_contacts(contacts)
    companies = backend.organization_directory
    is_standard = _inherits(contacts, ModelContactDirectory, ("assign", "get_or_create_company"))
    if is_standard and companies and issubclass(companies, ModelOrganizationDirectory):
        yield from _check_companies(companies)


def _creating_directory(directory: Any) -> type[ModelContactDirectory] | None:
    """Return the directory in which Ringotel creates contacts; ``None`` if it is not a mapping."""
    if not directory.can_create:
        return None
    if issubclass(directory, CompositeContactDirectory):
        directory = directory.parts[directory.creates or next(iter(directory.parts))]
    return directory if issubclass(directory, ModelContactDirectory) else None


def _inherits(directory: Any, base: Any, methods: tuple[str, ...]) -> bool:
    return all(getattr(directory, name) is getattr(base, name) for name in methods)


def _check_contacts(directory: type[ModelContactDirectory]) -> Iterator[CheckMessage]:
    if not _inherits(directory, ModelContactDirectory, CONTACT_METHODS):
        return
    attributes: Any = (getattr(directory, name) for name in directory._text_attributes)
    filled = {_own_field(paths) for paths in (*attributes, *directory.phones.values())}
    filled |= {split(path)[0].split(LOOKUP_SEP)[0] for path in _company_paths(directory)}
    yield from _check_required(
        directory,
        directory.model,
        filled | _always_filled(directory),
        "Set them in build_instance(), list them in optional, or set can_create = False.",
    )
    if directory.phone_table and _inherits(directory, ModelContactDirectory, ("add_number",)):
        yield from _check_phone_rows(directory)


def _company_paths(directory: type[ModelContactDirectory]) -> list[str]:
    return [path for path in split(directory.company_name) if LOOKUP_SEP in path]


def _check_phone_rows(directory: type[ModelContactDirectory]) -> Iterator[CheckMessage]:
    table: Any = directory.phone_table
    relation = resolve_path(directory.model, table.relation)[-1]
    if isinstance(relation, GenericRelation):
        owner = {relation.content_type_field_name, relation.object_id_field_name}
    else:
        owner = {relation.field.name}
    yield from _check_required(
        directory,
        relation.related_model,
        owner | {table.number, table.kind},
        "Give these fields a default or blank=True, or override validate().",
    )


def _check_companies(directory: type[ModelOrganizationDirectory]) -> Iterator[CheckMessage]:
    if not _inherits(directory, ModelOrganizationDirectory, COMPANY_METHODS):
        return
    yield from _check_required(
        directory,
        directory.model,
        {_own_field(directory.name)} | _always_filled(directory),
        "Set them in create(), list them in optional, or return None from create(): contacts then "
        "get no new companies.",
    )


def _always_filled(directory: type[ModelDirectory[Any]]) -> set[str]:
    """Return the optional fields, and the field of the tenant if it is set on new rows."""
    filled = set(directory.optional)
    if directory.tenant and len(fields := resolve_path(directory.model, directory.tenant)) < 3:
        filled.add(fields[0].name)
    return filled


def _own_field(paths: Any) -> str:
    return next((path for path in split(paths) if LOOKUP_SEP not in path), "")


def _check_required(
    directory: type[ModelDirectory[Any]], model: Any, filled: set[str], hint: str
) -> Iterator[CheckMessage]:
    """Check that ``filled`` contains the required fields of ``model``."""
    missing = [
        field.name
        for field in model._meta.concrete_fields
        if _is_required(field) and field.name not in filled
    ]
    if missing:
        yield Warning(
            f"{directory.__name__} cannot create rows of {model._meta.label}, because it does not "
            f"map these required fields: {', '.join(missing)}.",
            hint=hint,
            obj=directory,
            id="ringotel_crm.W034",
        )


def _is_required(field: Any) -> bool:
    """Return whether ``full_clean()`` refuses a row without this field."""
    is_parent = field.remote_field and getattr(field.remote_field, "parent_link", False)
    is_automatic = isinstance(field, AutoField) or is_parent or field.generated
    has_default = field.has_default() or field.db_default is not NOT_PROVIDED
    return field.editable and not (field.blank or has_default or is_automatic)


def _check_url(directory: type[ModelContactDirectory]) -> Iterator[CheckMessage]:
    name = directory.url_name
    if not name or directory.url is not ModelContactDirectory.url:
        return
    for key in SAMPLE_KEYS:
        try:
            reverse(name, args=[key])
        except NoReverseMatch:
            continue
        return
    yield Warning(
        f"Invalid value for {directory.__name__}.url_name: {name!r}. No URL with this name takes a "
        "primary key, so contacts are not linked.",
        hint='Must be the name of a URL such as path("people/<int:pk>/", ..., name="person"), with '
        'the namespace of its URLconf: "crm:person".',
        obj=directory,
        id="ringotel_crm.W035",
    )
