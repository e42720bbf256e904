"""Creating and updating contacts with values received from Ringotel."""

from __future__ import annotations

from dataclasses import fields, replace

from django.utils.translation import gettext as _

from ... import databases, phone, signals
from ...backends import Backend
from ...backends.base import ContactDirectory
from ...exceptions import InvalidInput, Unsupported
from ...records import ContactInput, ContactRecord
from .. import locks

# Reasons for which a text is not stored as a number. The others may be numbers: emergency numbers,
# those of the settings, and national numbers while DEFAULT_REGION is not set.
NOT_A_NUMBER = {
    phone.Refusal.EMPTY,
    phone.Refusal.WITHHELD,
    phone.Refusal.SHORT,
    phone.Refusal.IMPOSSIBLE,
}


def create_contact(backend: Backend, draft: ContactInput) -> ContactRecord:
    """Return the contact that ``draft`` describes, created if it does not exist.

    Empty fields of an existing contact are filled in, and numbers it does not have are added.
    Raises ``Unsupported`` if the backend does not create contacts, and ``InvalidInput``.
    """
    directory = backend.contacts
    if not directory.can_create:
        raise Unsupported(_("Contacts cannot be created from the phone."))
    if not any((draft.first_name, draft.last_name, draft.email, draft.phone, draft.mobile)):
        message = _("Enter a name, a phone number or an e-mail address.")
        raise InvalidInput(message, fields={"first_name": [message]})
    numbers = [
        number.e164 for typed in (draft.phone, draft.mobile) for number in phone.numbers(typed)
    ]
    with databases.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        if existing := directory.find_existing(draft, numbers):
            return _complete(backend, existing, draft)
        contact = directory.create(draft)
        signals.send_on_commit(
            signals.contact_created, type(directory), contact=contact, backend=backend
        )
    return contact


def _complete(backend: Backend, existing: ContactRecord, draft: ContactInput) -> ContactRecord:
    """Fill in the empty fields of an existing contact and add its new numbers."""
    directory = backend.contacts
    names = [field.name for field in fields(draft) if not getattr(existing, field.name)]
    missing = {name: value for name in names if (value := getattr(draft, name))}
    new_numbers = _new_numbers(directory, existing, draft)
    if not directory.can_update or not (missing or new_numbers):
        return existing
    contact = existing
    if missing:
        contact = directory.update(existing.id, ContactInput(**missing))
    for typed in new_numbers:
        directory.add_number(existing.id, typed)
    signals.send_on_commit(
        signals.contact_updated, type(directory), contact=contact, backend=backend
    )
    return contact


def _new_numbers(
    directory: ContactDirectory, contact: ContactRecord, draft: ContactInput
) -> list[str]:
    """Return the numbers of ``draft``, as received, that the contact does not have.

    Only of fields that are not empty: those are filled in otherwise.
    """
    shown = {contact.phone, contact.mobile}
    new = {}
    for name in ("phone", "mobile"):
        typed = getattr(draft, name)
        e164 = phone.e164(typed)
        if getattr(contact, name) and e164 and e164 not in shown:
            new[typed] = e164
    known = directory.numbers(contact.id) if new else ()
    return [typed for typed, e164 in new.items() if e164 not in known]


def update_contact(backend: Backend, id: str, draft: ContactInput) -> ContactRecord:
    """Write the non-empty values of ``draft`` and leave all others unchanged.

    Raises ``NotFound``, ``InvalidInput``, or ``Unsupported`` if the backend does not update
    contacts.
    """
    directory = backend.contacts
    if not directory.can_update:
        raise Unsupported(_("Contacts cannot be changed from the phone."))
    for name in ("phone", "mobile"):
        typed = getattr(draft, name)
        # A text such as "anonymous" would overwrite the number.
        if typed and phone.explain(typed).refusal in NOT_A_NUMBER:
            message = _("Enter a valid phone number.")
            raise InvalidInput(message, fields={name: [message]})
    with databases.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        if before := directory.get(id):
            draft = _drop_unchanged(before, draft)
        contact = directory.update(id, draft)
        signals.send_on_commit(
            signals.contact_updated, type(directory), contact=contact, backend=backend
        )
    return contact


def _drop_unchanged(contact: ContactRecord, draft: ContactInput) -> ContactInput:
    """Empty the values of ``draft`` that equal those of the contact.

    The phone sends back what it was shown. A stored number keeps its notation and extension.
    """
    unchanged = [
        f.name for f in fields(draft) if getattr(draft, f.name) == getattr(contact, f.name)
    ]
    for name in ("phone", "mobile"):
        numbers = phone.numbers(getattr(draft, name))
        if [(number.e164, number.extension) for number in numbers] == [
            (getattr(contact, name), "")
        ]:
            unchanged.append(name)
    return replace(draft, **dict.fromkeys(unchanged, ""))
