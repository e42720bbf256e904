"""The state of a contact with its numbers: to compare, to save, and to return to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.db import connections, router

from .. import phone
from ..contact_files.cells import read_extension
from ..contact_files.fields import KINDS
from .models import Contact, ContactPhone, Organization, PhoneKind

Snapshot = dict[str, Any]

TEXTS = ("first_name", "last_name", "job_title", "email")


def load_numbers(contact: Contact) -> list[ContactPhone]:
    """Return the list of numbers that :func:`save` writes; callers change it in place."""
    if not hasattr(contact, "numbers"):
        contact.numbers = list(contact.phones.all()) if contact.pk else []  # type: ignore[attr-defined]
    return contact.numbers  # type: ignore[attr-defined,no-any-return]


def new_number(kind: str, text: str, extension: str = "") -> ContactPhone:
    """Return an unsaved number, parsed."""
    number = next(iter(phone.numbers(text)), None)
    extension = extension or (number.extension if number else "") or read_extension(text)
    return ContactPhone(
        kind=kind, raw=text, e164=number.e164 if number else "", extension=extension
    )


def is_same_number(stored: ContactPhone, new: ContactPhone) -> bool:
    """Return whether ``new`` adds nothing to ``stored``, in whatever notation."""
    if stored.raw == new.raw:
        return True
    return bool(new.e164) and stored.e164 == new.e164 and new.extension in ("", stored.extension)


def take(contact: Contact) -> Snapshot:
    """Return the state of a contact as JSON-serializable values, the numbers by kind."""
    company = contact.organization
    numbers = sorted(load_numbers(contact), key=lambda number: KINDS.index(number.kind))
    return {
        **{name: getattr(contact, name) for name in TEXTS},
        "organization": company.pk if company else None,
        "company": company.name if company else "",
        "phones": [[number.kind, number.raw, number.extension] for number in numbers],
    }


def digest(snapshot: Snapshot) -> str:
    """Return a hash of a state, without the company's name and the order of the numbers."""
    state = {name: value for name, value in snapshot.items() if name != "company"}
    state["phones"] = sorted(state["phones"])
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def changes(before: Snapshot, after: Snapshot) -> list[tuple[str, str, str]]:
    """Return the fields that differ: name, text before, text after."""
    texts = [_texts(snapshot) for snapshot in (before, after)]
    return [
        (name, texts[0][name], texts[1][name])
        for name in texts[0]
        if texts[0][name] != texts[1][name]
    ]


def create(contacts: Sequence[Contact]) -> None:
    """Write new contacts with their companies and numbers, in one statement for each table."""
    _create_companies(contacts)
    _bulk_create(contacts)
    for contact in contacts:
        for number in load_numbers(contact):
            number.contact = contact
    ContactPhone.objects.bulk_create(
        number for contact in contacts for number in load_numbers(contact)
    )


def update(contact: Contact) -> None:
    """Write an existing contact with its company and numbers."""
    _create_companies([contact])
    contact.save()
    numbers = load_numbers(contact)
    kept = {number.pk for number in numbers}
    if removed := [number.pk for number in contact.phones.all() if number.pk not in kept]:
        ContactPhone.objects.filter(pk__in=removed).delete()
    added = [number for number in numbers if not number.pk]
    for number in added:
        number.contact = contact
    ContactPhone.objects.bulk_create(added)


def _create_companies(contacts: Sequence[Contact]) -> None:
    """Write new companies. The first contact of each has it as ``created_organization``."""
    first: dict[int, Contact] = {}
    for contact in contacts:
        contact.created_organization = None  # type: ignore[attr-defined]
        if contact.organization and contact.organization.pk is None:
            first.setdefault(id(contact.organization), contact)
    _bulk_create([contact.organization for contact in first.values()])
    for contact in first.values():
        contact.created_organization = contact.organization  # type: ignore[attr-defined]
    for contact in contacts:
        contact.organization = contact.organization  # sets the key


def _bulk_create(rows: Sequence[Any]) -> None:
    """Write new rows and set their keys, which MySQL returns for one row at a time only."""
    model: Any = type(rows[0]) if rows else Contact
    if connections[router.db_for_write(model)].features.can_return_rows_from_bulk_insert:
        model._default_manager.bulk_create(rows)
    else:
        for row in rows:
            row.save()


def restore(contact: Contact, snapshot: Snapshot) -> None:
    """Write the state of ``snapshot``; a company that was deleted since stays empty."""
    for name in TEXTS:
        setattr(contact, name, snapshot[name])
    contact.organization = Organization.objects.filter(pk=snapshot["organization"]).first()
    held = {(number.kind, number.raw, number.extension): number for number in load_numbers(contact)}
    contact.numbers = [  # type: ignore[attr-defined]
        held.get((kind, raw, extension)) or new_number(kind, raw, extension)
        for kind, raw, extension in snapshot["phones"]
    ]
    update(contact)


def _texts(snapshot: Snapshot) -> dict[str, str]:
    phones: Sequence[Sequence[str]] = snapshot["phones"]
    numbers = {
        f"{kind.value}_phone": ", ".join(
            raw for number_kind, raw, _extension in phones if number_kind == kind
        )
        for kind in PhoneKind
    }
    return {**{name: snapshot[name] for name in (*TEXTS, "company")}, **numbers}
