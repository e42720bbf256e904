"""Write."""

from __future__ import annotations

from dataclasses import fields, replace

from django.db import transaction

from ... import phone, signals
from ...backends import Backend
from ...backends.base import ContactDirectory
from ...exceptions import InvalidInput, Unsupported
from ...records import ContactInput, ContactRecord
from .. import locks

NO_NUMBER = {
    phone.Refusal.EMPTY,
    phone.Refusal.WITHHELD,
    phone.Refusal.SHORT,
    phone.Refusal.IMPOSSIBLE,
}


def create_contact(backend: Backend, draft: ContactInput) -> ContactRecord:
    """The contact whom ``draft`` describes: the one there is, with what it lacked filled in, else a new one."""
    directory = backend.contacts
    if not directory.can_create:
        raise Unsupported("This CRM takes no new contacts from the phone.")
    if not any((draft.first_name, draft.last_name, draft.email, draft.phone, draft.mobile)):
        raise InvalidInput(
            "A contact needs at least a name, a number or an e-mail address.",
            fields={"first_name": ["Give a name, a phone number or an e-mail address."]},
        )
    numbers = [
        number.e164 for typed in (draft.phone, draft.mobile) for number in phone.numbers(typed)
    ]
    with transaction.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        if same := directory.find_existing(draft, numbers):
            missing = {
                f.name: value
                for f in fields(draft)
                if (value := getattr(draft, f.name)) and not getattr(same, f.name)
            }
            others = _other_numbers(directory, same, draft)
            if not directory.can_update or not (missing or others):
                return same
            contact = directory.update(same.id, ContactInput(**missing)) if missing else same
            for typed in others:
                directory.add_number(same.id, typed)
            signal = signals.contact_updated
        else:
            contact = directory.create(draft)
            signal = signals.contact_created
        signals.send_on_commit(signal, type(directory), contact=contact, backend=backend)
    return contact


def _other_numbers(
    directory: ContactDirectory, contact: ContactRecord, draft: ContactInput
) -> list[str]:
    """Numbers that are said beside those there are: somebody known calls from another phone."""
    others = [
        (typed, found[0].e164)
        for name in ("phone", "mobile")
        if getattr(contact, name)
        and (typed := getattr(draft, name))
        and (found := phone.numbers(typed))
    ]
    others = [
        (typed, e164) for typed, e164 in others if e164 not in (contact.phone, contact.mobile)
    ]
    known = directory.numbers(contact.id) if others else ()
    return [typed for typed, e164 in others if e164 not in known]


def update_contact(backend: Backend, id: str, draft: ContactInput) -> ContactRecord:
    """Change what ``draft`` says. Raises ``NotFound``."""
    directory = backend.contacts
    if not directory.can_update:
        raise Unsupported("This CRM does not let the phone change contacts.")
    for name in ("phone", "mobile"):
        # A word in the place of a number would wipe the number that is there. Without a region, national numbers
        # cannot be read, and are believed.
        refusal = phone.explain(getattr(draft, name)).refusal
        if getattr(draft, name) and refusal in NO_NUMBER:
            raise InvalidInput(
                "This is not a telephone number.",
                fields={name: ["A telephone number is expected."]},
            )
    with transaction.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        if before := directory.get(id):
            draft = _drop_unchanged(before, draft)
        contact = directory.update(id, draft)
        signals.send_on_commit(
            signals.contact_updated, type(directory), contact=contact, backend=backend
        )
    return contact


def _drop_unchanged(contact: ContactRecord, draft: ContactInput) -> ContactInput:
    """What the phone was shown and sends back is no change: a number stays as a person typed it, with its extension."""
    echo = {f.name: "" for f in fields(draft) if getattr(draft, f.name) == getattr(contact, f.name)}
    for name in ("phone", "mobile"):
        said = [(number.e164, number.extension) for number in phone.numbers(getattr(draft, name))]
        if said == [(getattr(contact, name), "")]:
            echo[name] = ""
    return replace(draft, **echo)
