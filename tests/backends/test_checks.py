"""A mapping that is wrong is found by ``manage.py check``, with a hint that says what to write."""

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


def found(**directories: Any) -> list[tuple[str | None, str]]:
    """Id and hint of each message about a backend with these directories."""
    return [
        (message.id, str(message.hint))
        for message in check_backend(type("CRM", (MappedBackend,), directories))
    ]


def test_a_right_mapping() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("attributes", "id", "hint"),
    [
        ({"model": None}, "E023", "model ="),
        ({"model": "minicrm.Contact"}, "E023", "not its name as text"),
        ({"model": AbstractUser}, "E023", "not an abstract one"),
        ({"first_name": "frist_name"}, "E026", '"first_name"'),
        ({"company_name": ("organization__nmae", "job_title")}, "E026", '"name"'),
        ({"company_name": "first_name__name"}, "E026", '"first_name"'),
        ({"email": "xyz"}, "E026", "There are:"),
        ({"tenant": "tenant"}, "E026", "There are:"),
        ({"company_name": "organization"}, "E027", '"organization__name"'),
        ({"first_name": "created_at"}, "E027", "a field of text"),
        ({"phones": {"phone": "created_at"}}, "E027", "a field of text"),
        ({"phones": {"phone": "phones__raw"}}, "E027", "PhoneTable"),
        ({"updated_at": "email"}, "E027", "DateTimeField"),
        ({"phones": {"fax": "email"}}, "E025", '{"phone"'),
        ({"phones": "email"}, "E025", '{"phone"'),
        ({"phone_table": PhoneTable(**TABLE, kinds={"work": "office"})}, "E025", '{"phone"'),
        ({"phone_table": PhoneTable(relation="phone_set", number="raw")}, "E026", '"phones"'),
        (
            {"phone_table": PhoneTable(relation="organization", number="name")},
            "E027",
            "table of numbers",
        ),
        ({"phone_table": PhoneTable(relation="phones", number="number")}, "E026", "There are:"),
        ({"phone_table": PhoneTable(**{**TABLE, "kind": "knid"})}, "E026", '"kind"'),
        ({"phone_table": PhoneTable(**TABLE, where={"deleted": False})}, "E026", "There are:"),
        ({"first_name": "", "last_name": ""}, "E028", "first_name ="),
        ({"phone_table": None}, "W029", "phones ="),
        ({"optional": ("emial",)}, "E026", '"email"'),
        ({"tennant": "organization_id"}, "W033", '"tenant"'),
    ],
    ids=str,
)
def test_a_wrong_mapping(attributes: dict[str, Any], id: str, hint: str) -> None:
    messages = found(contact_directory=people(**attributes))
    assert [found_id for found_id, _hint in messages] == [f"ringotel_crm.{id}"] * len(messages)
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
def test_a_wrong_directory(directories: dict[str, Any], id: str) -> None:
    assert found(**directories)[0][0] == f"ringotel_crm.{id}"


def test_what_is_declared_as_missing_is_no_mistake() -> None:
    assert found(contact_directory=ReadOnly, organization_directory=None) == []


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
def test_parts_that_do_not_go_together(attributes: dict[str, Any], id: str) -> None:
    directory = type("Both", (CompositeContactDirectory,), attributes)
    assert [found_id for found_id, _hint in found(contact_directory=directory)] == [
        f"ringotel_crm.{id}"
    ]


def test_each_part_of_a_merged_directory() -> None:
    parts = {"person": Contacts, "lead": people(email="emial")}
    assert (
        found(contact_directory=type("Both", (CompositeContactDirectory,), {"parts": parts}))[0][0]
        == "ringotel_crm.E026"
    )


def test_a_backend_without_anything() -> None:
    ids = [message.id for message in check_backend(type("CRM", (Backend,), {}))]
    assert ids == ["ringotel_crm.E020"] * 2


class BrokenBackend(ModelBackend):
    contact_directory = people(email="emial")


def test_the_checks_of_a_site_include_these(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.BrokenBackend"}
    assert [message.id for message in check_settings()] == ["ringotel_crm.E026"]


def test_times_without_a_zone(settings: Settings) -> None:
    assert check_time_zones() == []
    settings.USE_TZ = False
    assert [message.id for message in check_time_zones()] == ["ringotel_crm.E029"]
