"""``manage.py check`` finds what would fail with the first new contact."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.checks import CheckMessage, run_checks
from django.db import connection, models
from django.db.models.functions import Lower, Upper
from pytest_django import Settings

from ringotel_crm.backends.email_lookup import email_equals
from ringotel_crm.backends.model import (
    CompositeContactDirectory,
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
)
from ringotel_crm.checks import TAG
from ringotel_crm.minicrm.models import Contact
from tests.projects.mapped.backend import Contacts, MappedBackend


class People(ModelContactDirectory):
    model = User
    first_name = "first_name"
    last_name = "last_name"
    email = "email"
    phones = {"phone": "first_name"}


class Types(ModelOrganizationDirectory):
    model = ContentType
    name = "model"


class Entries(ModelContactDirectory):
    model = LogEntry
    name = "object_repr"
    phones = {"phone": "object_id"}
    company_name = "content_type__model"
    optional = ("user", "action_flag")


class Backend(ModelBackend):
    """Changed by the tests."""

    contact_directory = People


def check(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, contacts: Any, companies: Any = None
) -> list[CheckMessage]:
    """Return the messages about the required fields, URLs and indexes of this backend."""
    monkeypatch.setattr(Backend, "contact_directory", contacts)
    monkeypatch.setattr(Backend, "organization_directory", companies)
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.Backend"}
    found = run_checks(tags=[TAG], include_deployment_checks=True)
    ids = {f"ringotel_crm.W03{number}" for number in (4, 5, 6)}
    return [message for message in found if message.id in ids]


def directory(base: Any = People, **attributes: Any) -> Any:
    return type("Directory", (base,), attributes)


@pytest.mark.django_db
def test_complete_mapping_has_no_messages(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": f"{MappedBackend.__module__}.MappedBackend"}
    ids = {message.id for message in run_checks(tags=[TAG])}

    assert not ids & {"ringotel_crm.W034", "ringotel_crm.W035"}


@pytest.mark.django_db
class TestRequiredFields:
    def test_required_field_of_contacts_is_named(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [message] = [m for m in check(settings, monkeypatch, People) if m.id == "ringotel_crm.W034"]

        assert "auth.User" in message.msg
        assert message.msg.endswith("password, username.")
        assert "build_instance()" in str(message.hint)

    @pytest.mark.parametrize(
        "attributes",
        [
            {"optional": ("password", "username")},
            {"name": "username", "optional": ("password",)},
            {"build_instance": lambda self, draft: User(username="new", password="!")},
            {"can_create": False},
        ],
        ids=["optional", "mapped", "build_instance", "can_create"],
    )
    def test_field_that_is_set_or_not_needed_is_accepted(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch, attributes: dict[str, Any]
    ) -> None:
        messages = check(settings, monkeypatch, directory(**attributes))

        assert "ringotel_crm.W034" not in {message.id for message in messages}

    def test_leads_are_checked_if_contacts_are_created_there(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Everyone(CompositeContactDirectory):
            parts = {"person": Contacts, "lead": People}

        def ids(directory: Any) -> set[Any]:
            return {message.id for message in check(settings, monkeypatch, directory)}

        assert "ringotel_crm.W034" not in ids(Everyone)
        assert "ringotel_crm.W034" in ids(directory(Everyone, creates="lead"))

    def test_required_field_of_companies_is_named(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [message] = check(settings, monkeypatch, Entries, Types)
        assert "contenttypes.ContentType" in message.msg
        assert message.msg.endswith("app_label.")
        assert "None from create()" in str(message.hint)

        companies = directory(Types, create=lambda self, name: None)
        assert check(settings, monkeypatch, Entries, companies) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("person", ["ringotel_crm.W035"]),
        ("crm:person", ["ringotel_crm.W035"]),
        ("ringotel_crm:users", ["ringotel_crm.W035"]),  # takes no argument
        ("ringotel_crm:recording", []),
        ("admin:ringotel_minicrm_contact_change", []),
        ("", []),
    ],
)
def test_name_of_an_unknown_url_is_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, expected: list[str]
) -> None:
    contacts = directory(url_name=name, can_create=False)

    assert [message.id for message in check(settings, monkeypatch, contacts)] == expected


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "mysql", reason="its collations ignore case")
class TestEmailIndex:
    def messages(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[CheckMessage]:
        contacts = directory(Contacts, email="email")
        return [m for m in check(settings, monkeypatch, contacts) if m.id == "ringotel_crm.W036"]

    def test_missing_index_is_offered(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Contact._meta, "indexes", [models.Index("email", name="plain")])
        [message] = self.messages(settings, monkeypatch)

        assert "ringotel_minicrm.Contact.email" in message.msg
        assert 'models.Index(Upper("email"), name="contact_email_upper")' in str(message.hint)

    @pytest.mark.parametrize("function", [Lower, Upper])
    def test_index_on_an_expression_is_used(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch, function: Any
    ) -> None:
        index = models.Index(function("email"), name="email")
        monkeypatch.setattr(Contact._meta, "indexes", [index])
        assert self.messages(settings, monkeypatch) == []

        condition = email_equals(Contact, "email", "ADA@example.com")
        sql = str(Contact.objects.filter(condition).query)
        assert f"{function.function}(" in sql
        assert " LIKE " not in sql

    def test_partial_index_is_not_used(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = models.Index(Upper("email"), name="x", condition=models.Q(first_name=""))
        monkeypatch.setattr(Contact._meta, "indexes", [index])

        assert self.messages(settings, monkeypatch)

    def test_column_that_ignores_case_needs_a_plain_index(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Contact._meta, "indexes", [])
        column = Contact._meta.get_field("email")
        monkeypatch.setattr(column, "db_collation", "case_insensitive", raising=False)
        monkeypatch.setattr(column, "db_index", False)
        [message] = self.messages(settings, monkeypatch)
        assert "db_index=True" in str(message.hint)

        monkeypatch.setattr(column, "db_index", True)
        assert self.messages(settings, monkeypatch) == []


def test_address_is_found_regardless_of_case(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = Contact.objects.create(first_name="Ada", email="Ada@Example.com")
    for index in (Lower("email"), Upper("email"), None):
        indexes = [models.Index(index, name="email")] if index else []
        monkeypatch.setattr(Contact._meta, "indexes", indexes)
        found = Contact.objects.filter(email_equals(Contact, "email", "ada@EXAMPLE.com"))
        assert list(found) == [ada]
