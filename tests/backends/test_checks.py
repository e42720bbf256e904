"""``manage.py check`` reports invalid backends and mappings, with a hint."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AbstractUser, User
from pytest_django import Settings

from ringotel_crm.backends.base import Backend, ContactDirectory
from ringotel_crm.backends.checks import check_backend
from ringotel_crm.backends.composite import CompositeContactDirectory
from ringotel_crm.backends.mapping import PhoneTable
from ringotel_crm.backends.model import ModelBackend, ModelOrganizationDirectory, ModelUserDirectory
from ringotel_crm.checks.site import check_settings, check_time_zones
from ringotel_crm.minicrm.models import Contact, Organization
from tests.projects.mapped.backend import Contacts, MappedBackend

TABLE: dict[str, Any] = {"relation": "phones", "number": "raw", "kind": "kind"}


def people(**attributes: Any) -> type[ContactDirectory]:
    return type("People", (Contacts,), attributes)


def messages_for(**directories: Any) -> list[tuple[str | None, str]]:
    """Return id and hint of each message about a backend with these directories."""
    return [
        (message.id, str(message.hint))
        for message in check_backend(type("CRM", (MappedBackend,), directories))
    ]


def test_valid_mapping_has_no_messages() -> None:
    assert messages_for() == []


@pytest.mark.parametrize(
    ("attributes", "id", "hint"),
    [
        ({"model": None}, "E023", "model = Person"),
        ({"model": "minicrm.Contact"}, "E023", "not its name as text"),
        ({"model": AbstractUser}, "E023", "neither abstract"),
        ({"first_name": "frist_name"}, "E026", '"first_name"'),
        ({"company_name": ("organization__nmae", "job_title")}, "E026", '"name"'),
        ({"company_name": "first_name__name"}, "E026", '"first_name"'),
        ({"email": "xyz"}, "E026", "Choices:"),
        ({"tenant": "tenant"}, "E026", "Choices:"),
        ({"company_name": "organization"}, "E027", '"organization__name"'),
        ({"first_name": "created_at"}, "E027", "a text field"),
        ({"phones": {"phone": "created_at"}}, "E027", "a text field"),
        ({"phones": {"phone": "phones__raw"}}, "E027", "PhoneTable"),
        ({"updated_at": "email"}, "E027", "DateTimeField"),
        ({"phones": {"fax": "email"}}, "E025", '{"phone"'),
        ({"phones": "email"}, "E025", '{"phone"'),
        ({"phones": ["email"]}, "E025", '{"phone"'),
        ({"phone_table": PhoneTable(**TABLE, kinds={"work": "office"})}, "E025", '{"phone"'),
        ({"phone_table": PhoneTable(relation="phone_set", number="raw")}, "E026", '"phones"'),
        (
            {"phone_table": PhoneTable(relation="organization", number="name")},
            "E027",
            "with a foreign key",
        ),
        ({"phone_table": PhoneTable(relation="phones", number="number")}, "E026", "Choices:"),
        ({"phone_table": PhoneTable(**{**TABLE, "kind": "knid"})}, "E026", '"kind"'),
        ({"phone_table": PhoneTable(**TABLE, where={"deleted": False})}, "E026", "Choices:"),
        ({"first_name": "", "last_name": ""}, "E028", "first_name ="),
        ({"phone_table": None}, "W029", "phones ="),
        ({"optional": ("emial",)}, "E026", '"email"'),
        ({"tennant": "organization_id"}, "W033", '"tenant"'),
    ],
    ids=str,
)
def test_invalid_mapping_is_reported(attributes: dict[str, Any], id: str, hint: str) -> None:
    messages = messages_for(contact_directory=people(**attributes))
    assert [message_id for message_id, _hint in messages] == [f"ringotel_crm.{id}"] * len(messages)
    assert messages
    assert hint in messages[0][1]


class NoMethods(ContactDirectory):
    model = Contact


class NoCreate(Contacts):
    create = ContactDirectory.create


class NoUpdate(Contacts):
    update = ContactDirectory.update


class ReadOnly(NoCreate, NoUpdate):
    can_create = False
    can_update = False


class Companies(ModelOrganizationDirectory):
    model = Organization
    name = "title"


class Users(ModelUserDirectory):
    model = User
    name = "username"
    extension = "groups__name"


@pytest.mark.parametrize(
    ("directories", "id"),
    [
        ({"user_directory": None}, "E020"),
        ({"contact_directory": Contact}, "E020"),
        ({"contact_directory": Companies}, "E020"),
        ({"contact_directory": NoMethods}, "E021"),
        ({"contact_directory": NoCreate}, "E022"),
        ({"contact_directory": NoUpdate}, "E022"),
        ({"organization_directory": Companies}, "E026"),
        ({"user_directory": Users}, "E027"),
        ({"user_directory": type("Agents", (Users,), {"extension": "", "user": "usr"})}, "E026"),
        (
            {
                "organization_directory": type(
                    "Firms", (Companies,), {"name": "name", "main_contact": "boss"}
                )
            },
            "E026",
        ),
        (
            {
                "organization_directory": type(
                    "Firms", (Companies,), {"name": "name", "tenant": "contacts"}
                )
            },
            "E027",
        ),
    ],
)
def test_invalid_directory_is_reported(directories: dict[str, Any], id: str) -> None:
    assert messages_for(**directories)[0][0] == f"ringotel_crm.{id}"


def test_read_only_backend_without_organizations_is_valid() -> None:
    assert messages_for(contact_directory=ReadOnly, organization_directory=None) == []


@pytest.mark.parametrize(
    ("attributes", "id"),
    [
        ({"parts": {}}, "E031"),
        ({"parts": {"person": Contacts}, "creates": "persn"}, "E031"),
        ({"parts": {"a:b": Contacts}}, "E031"),
        ({"parts": {"person": Contacts, "vip": people(phones={"": "job_title"})}}, "E032"),
    ],
    ids=str,
)
def test_invalid_parts_are_reported(attributes: dict[str, Any], id: str) -> None:
    directory = type("Both", (CompositeContactDirectory,), attributes)
    assert [message_id for message_id, _hint in messages_for(contact_directory=directory)] == [
        f"ringotel_crm.{id}"
    ]


def test_mapping_of_each_part_is_checked() -> None:
    parts = {"person": Contacts, "lead": people(email="emial")}
    assert (
        messages_for(
            contact_directory=type("Both", (CompositeContactDirectory,), {"parts": parts})
        )[0][0]
        == "ringotel_crm.E026"
    )


def test_backend_without_directories_is_reported() -> None:
    ids = [message.id for message in check_backend(type("CRM", (Backend,), {}))]
    assert ids == ["ringotel_crm.E020"] * 2


class BrokenBackend(ModelBackend):
    contact_directory = people(email="emial")


def test_site_checks_include_backend(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.BrokenBackend"}
    assert [message.id for message in check_settings()] == ["ringotel_crm.E026"]


def test_naive_times_are_reported(settings: Settings) -> None:
    assert check_time_zones() == []
    settings.USE_TZ = False
    assert [message.id for message in check_time_zones()] == ["ringotel_crm.E029"]
