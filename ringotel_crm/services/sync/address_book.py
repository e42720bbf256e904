"""Ringotel's address book and list of call subjects, kept equal to the CRM's.

Ringotel stores no id of ours, so a table links contacts to entries. A contact without a link is
first compared with the entries that have none: an entry that was added before a run broke off is
found by its content. Example::

    contacts          links      entries                 what is done
    1 Ada +4420...    1 -> 70    70 Ada +4420..., Sales  update 70: the position was changed there
    2 Bo  +4421...               71 Bo +4421...          link 2 -> 71, nothing is sent
    3 Cy  +4422...                                       add, and link to the id in the answer
                      4 -> 72    72 Di +4423...          delete 72: contact 4 was deleted
                                 73 Colleague            nothing: it was never linked
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ... import databases, phone
from ...backends import Backend
from ...models import AddressBookLink, CallSubject
from ...records import AddressBookEntry, ContactRecord
from .. import locks
from . import checkpoints

# Name under which the subjects that both sides last had in common are stored.
SUBJECTS = "subjects"
DELETE_BATCH = 500


class Action(StrEnum):
    """What has to be done with an entry."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A difference. ``card`` is the entry as it should be; for a deletion, as it is.

    ``contact_id`` is ``""`` for a deletion.
    """

    action: Action
    card: AddressBookEntry
    contact_id: str = ""


def reconcile(backend: Backend, cards: Iterable[AddressBookEntry]) -> None:
    """Update the links: remove those of missing entries, and link equal contacts and entries that
    have none."""
    cards_by_id = {card.id: card for card in cards}
    entries = AddressBookLink.objects.filter(tenant=backend.tenant)
    known_ids = entries.values_list("ringotel_id", flat=True)
    missing = [id for id in known_ids if id not in cards_by_id]
    for start in range(0, len(missing), DELETE_BATCH):
        remove_links(backend, missing[start : start + DELETE_BATCH])

    linked = dict(entries.values_list("ringotel_id", "contact_id"))
    linked_contacts = set(linked.values())
    free: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for id, card in cards_by_id.items():
        if id not in linked:
            free[_content(card)].append(id)
    for contact in backend.contacts.records() if free else ():
        if contact.id not in linked_contacts and (
            ids := free.get(_content(to_address_book_entry(contact)))
        ):
            _store_link(backend, contact.id, ids.pop())


def link_added(
    backend: Backend, changes: Sequence[Change], added: Iterable[AddressBookEntry]
) -> bool:
    """Link each contact of ``changes`` to the equal entry of ``added``; return whether every
    contact has one."""
    free: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for card in added:
        free[_content(card)].append(card.id)
    is_complete = True
    for change in changes:
        if ids := free.get(_content(change.card)):
            _store_link(backend, change.contact_id, ids.pop())
        else:
            is_complete = False
    return is_complete


def _store_link(backend: Backend, contact_id: str, ringotel_id: str) -> None:
    entry = AddressBookLink(tenant=backend.tenant, contact_id=contact_id, ringotel_id=ringotel_id)
    locks.upsert(entry, key=["tenant", "contact_id"], update_field="ringotel_id")


def diff(
    backend: Backend, cards: Sequence[AddressBookEntry], *, with_others: bool = False
) -> Iterator[Change]:
    """Yield what makes the address book equal to the contacts.

    ``with_others`` also deletes entries that were never linked to a contact.
    """
    cards_by_id = {card.id: card for card in cards}
    entries = AddressBookLink.objects.filter(tenant=backend.tenant)
    linked = dict(entries.values_list("contact_id", "ringotel_id"))
    kept = set()
    for contact in backend.contacts.records():
        wanted, old = to_address_book_entry(contact), cards_by_id.get(linked.get(contact.id, ""))
        if old is None:
            yield Change(action=Action.ADD, card=wanted, contact_id=contact.id)
            continue
        kept.add(old.id)
        if _content(old) != _content(wanted):
            card = _with_foreign_fields(wanted, old)
            yield Change(action=Action.UPDATE, card=card, contact_id=contact.id)
    linked_ids = set(linked.values())
    for id, card in cards_by_id.items():
        if id not in kept and (with_others or id in linked_ids):
            yield Change(action=Action.DELETE, card=card)


def _with_foreign_fields(wanted: AddressBookEntry, old: AddressBookEntry) -> AddressBookEntry:
    """Return ``wanted`` with the id of ``old`` and its fields that no contact has: an update
    replaces everything."""
    return replace(
        wanted,
        id=old.id,
        faxes=old.faxes,
        sips=old.sips,
        department=old.department,
        about=old.about,
    )


def remove_links(backend: Backend, ids: Iterable[str]) -> None:
    """Remove the links of the entries with these ids."""
    entries = AddressBookLink.objects.filter(tenant=backend.tenant)
    entries.filter(ringotel_id__in=list(ids)).delete()


def to_address_book_entry(contact: ContactRecord) -> AddressBookEntry:
    """Return the contact as an entry of the address book."""
    return AddressBookEntry(
        name=contact.name,
        phones=(contact.phone,) if contact.phone else (),
        mobiles=(contact.mobile,) if contact.mobile else (),
        emails=(contact.email,) if contact.email else (),
        organization=contact.company_name,
        position=contact.job_title,
    )


def _content(card: AddressBookEntry) -> tuple[object, ...]:
    """Return what makes two entries equal: numbers in any notation, texts without surrounding white
    space."""
    numbers = (
        tuple(sorted(phone.e164(text) or text for text in texts))
        for texts in (card.phones, card.mobiles)
    )
    emails = tuple(sorted(text.strip() for text in card.emails))
    texts = (card.name, card.organization, card.position)
    return (*numbers, emails, *(text.strip() for text in texts))


def merge_subjects(backend: Backend, theirs: Sequence[str]) -> list[str]:
    """Return the subjects for both sides, after what either side added or removed since the last
    run."""
    theirs = _distinct(theirs)
    subjects = CallSubject.objects.filter(tenant=backend.tenant)
    ours = list(subjects.values_list("name", flat=True))
    common = checkpoints.read(backend.tenant, SUBJECTS) or []
    return [
        name
        for name in _distinct([*ours, *theirs])
        if (name in ours and name in theirs) or name not in common
    ]


def save_subjects(backend: Backend, names: Sequence[str]) -> None:
    """Store the subjects that both sides have now."""
    with databases.atomic():
        checkpoints.write(backend.tenant, SUBJECTS, list(names))
        subjects = CallSubject.objects.filter(tenant=backend.tenant)
        subjects.exclude(name__in=names).delete()
        existing = set(subjects.values_list("name", flat=True))
        CallSubject.objects.bulk_create(
            CallSubject(tenant=backend.tenant, name=name) for name in names if name not in existing
        )


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.strip()[:255] for name in names if name.strip()))
