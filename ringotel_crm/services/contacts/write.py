"""Creating and updating contacts with values received from Ringotel."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from django.utils.translation import gettext as _

from ... import databases, phone, signals
from ...backends import Backend
from ...backends.base import ContactDirectory
from ...exceptions import InvalidInput, NotFound, Unsupported
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
            return complete(backend, existing, draft)
        contact = directory.create(draft)
        signals.send_on_commit(
            signals.contact_created, type(directory), contact=contact, backend=backend
        )
    return contact


def complete(backend: Backend, existing: ContactRecord, draft: ContactInput) -> ContactRecord:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberChange:
    """A number that :func:`give_number` gave to the contact with the id ``target``.

    ``source`` is the id of the contact that lost it, or "". ``is_new``: whether ``target`` did not
    have it before.
    """

    number: str
    target: str
    source: str = ""
    is_new: bool = True


def give_number(backend: Backend, number: str, target: str, source: str = "") -> NumberChange:
    """Add an E.164 number to the contact with the id ``target``; remove it from ``source``, if any.

    Raises ``NotFound``, ``InvalidInput`` or ``Unsupported``, and then changes nothing.
    """
    directory = backend.contacts
    with databases.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        contact, previous = directory.get(target), directory.get(source) if source else None
        if contact is None:
            raise NotFound(_("Contact not found."))
        is_new = number not in directory.numbers(target)
        if is_new:
            field = "mobile" if previous and previous.mobile == number else "phone"
            complete(backend, contact, ContactInput(**{field: phone.display(number)}))
            if number not in directory.numbers(target):
                message = _("%(name)s cannot have another number. Change it on the contact's page.")
                raise Unsupported(message % {"name": contact.name})
        if previous:
            take_number(backend, number, previous)
    return NumberChange(number=number, target=target, source=source, is_new=is_new)


def undo_number(backend: Backend, change: NumberChange) -> None:
    """Undo :func:`give_number`, unless the target has lost the number since.

    Raises as :func:`give_number`.
    """
    target = backend.contacts.get(change.target)
    if target is None or change.number not in backend.contacts.numbers(change.target):
        return
    if change.source:
        give_number(backend, change.number, change.source, change.target if change.is_new else "")
    elif change.is_new:
        take_number(backend, change.number, target)


def take_number(backend: Backend, number: str, contact: ContactRecord) -> None:
    """Remove an E.164 number from a contact. Raises ``InvalidInput`` or ``Unsupported``."""
    directory = backend.contacts
    with databases.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        if directory.can_remove_numbers:
            directory.remove_number(contact.id, number)
        if number in directory.numbers(contact.id):
            message = _("The number cannot be removed from %(name)s. Change it on that page.")
            raise Unsupported(message % {"name": contact.name})
        signals.send_on_commit(
            signals.contact_updated,
            type(directory),
            contact=directory.get(contact.id) or contact,
            backend=backend,
        )


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
