"""Test data. All names are made up; the phone numbers are reserved for drama use."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import User
from django.db import models

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization, PhoneKind
from ringotel_crm.models import Activity, Agent


def number(n: int) -> str:
    """Return one of a thousand reserved numbers in London."""
    assert 0 <= n < 1000
    return f"+442079460{n:03}"


def make_contact(
    name: str = "Ada Example", *phones: str, kind: str = PhoneKind.WORK, **fields: Any
) -> Contact:
    """Create a contact with phone numbers, in any notation."""
    first_name, _, last_name = name.partition(" ")
    contact = Contact.objects.create(first_name=first_name, last_name=last_name, **fields)
    for raw in phones:
        ContactPhone.objects.create(contact=contact, kind=kind, raw=raw)
    return contact


def make_organization(name: str = "Sample Ltd", **fields: Any) -> Organization:
    return Organization.objects.create(name=name, **fields)


def make_user(username: str = "una", extension: str = "", phone: str = "", **fields: Any) -> User:
    """Create a user, and an agent if ``extension`` is given."""
    user = User.objects.create_user(
        username, fields.pop("email", f"{username}@example.com"), **fields
    )
    if extension:
        Agent.objects.create(user=user, extension=extension, phone=phone)
    return user


def set_times(row: models.Model, **times: dt.datetime) -> None:
    """Set columns that the models fill in automatically."""
    type(row)._default_manager.filter(pk=row.pk).update(**times)


def columns(row: models.Model, *without: str) -> dict[str, Any]:
    """Return the columns of a row, leaving out ``updated_at`` and the columns ``without``."""
    names = (field.attname for field in row._meta.concrete_fields)
    return {name: getattr(row, name) for name in names if name not in ("updated_at", *without)}


def the_call() -> Activity:
    """Return the only call."""
    return Activity.objects.get()


def at(hour: int = 12, minute: int = 0, second: int = 0) -> dt.datetime:
    """Return a time (UTC) on the day of all test data."""
    return dt.datetime(2026, 3, 2, hour, minute, second, tzinfo=dt.UTC)
