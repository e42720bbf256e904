"""Ringotel's directory, kept equal to the CRM's contacts; and the list of call subjects, kept the same on both sides.

There is no room for our ids on Ringotel's side, and adding a contact does not tell its new id. So which entry is
which contact is in a table here, and a contact that is not in it is first looked for among the entries that nobody
has: whatever was added before the work broke off is found again by what it says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import transaction

from ... import phone
from ...backends import Backend
from ...models import AddressBookLink, CallSubject
from ...records import AddressBookEntry, ContactRecord
from .. import locks
from . import checkpoints

SUBJECTS = "subjects"
DELETE_BATCH = 500


class Action(StrEnum):
    """What has to be done with an entry."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One difference. ``card`` is what shall be there, for a deletion what is."""

    action: Action
    card: AddressBookEntry


def reconcile(backend: Backend, cards: Iterable[AddressBookEntry]) -> None:
    """Bring the table up to date: forget entries that are gone, and find contacts that have none among those that are
    no contact's yet, by all they say."""
    there = {card.id: card for card in cards}
    entries = AddressBookLink.objects.filter(tenant=backend.tenant)
    gone = [id for id in entries.values_list("ringotel_id", flat=True) if id not in there]
    for start in range(0, len(gone), DELETE_BATCH):
        remove_links(backend, gone[start : start + DELETE_BATCH])

    linked = dict(entries.values_list("ringotel_id", "contact_id"))
    known = set(linked.values())
    free: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for id, card in there.items():
        if id not in linked:
            free[_content(card)].append(id)
    for contact in backend.contacts.records() if free else ():
        if contact.id not in known and (ids := free.get(_content(to_address_book_entry(contact)))):
            entry = AddressBookLink(
                tenant=backend.tenant, contact_id=contact.id, ringotel_id=ids.pop()
            )
            locks.upsert(entry, key=["tenant", "contact_id"], update_field="ringotel_id")


def diff(
    backend: Backend, cards: Sequence[AddressBookEntry], *, with_others: bool = False
) -> Iterator[Change]:
    """What makes the directory equal to the contacts; with ``with_others`` also entries that were never a contact's."""
    there = {card.id: card for card in cards}
    linked = dict(
        AddressBookLink.objects.filter(tenant=backend.tenant).values_list(
            "contact_id", "ringotel_id"
        )
    )
    kept = set()
    for contact in backend.contacts.records():
        wanted, old = to_address_book_entry(contact), there.get(linked.get(contact.id, ""))
        if old is None:
            yield Change(action=Action.ADD, card=wanted)
            continue
        kept.add(old.id)
        if _content(old) != _content(wanted):
            yield Change(action=Action.UPDATE, card=replace(wanted, id=old.id))
    ours = set(linked.values())
    for id, card in there.items():
        if id not in kept and (with_others or id in ours):
            yield Change(action=Action.DELETE, card=card)


def remove_links(backend: Backend, ids: Iterable[str]) -> None:
    """These entries are gone."""
    AddressBookLink.objects.filter(tenant=backend.tenant, ringotel_id__in=list(ids)).delete()


def to_address_book_entry(contact: ContactRecord) -> AddressBookEntry:
    """The contact as the directory shall have it."""
    return AddressBookEntry(
        name=contact.name,
        phones=(contact.phone,) if contact.phone else (),
        mobiles=(contact.mobile,) if contact.mobile else (),
        emails=(contact.email,) if contact.email else (),
        organization=contact.company_name,
        position=contact.job_title,
    )


def _content(card: AddressBookEntry) -> tuple[object, ...]:
    """What makes two cards equal: numbers in any notation, texts without regard to white space at the ends."""
    numbers = (
        tuple(sorted(phone.e164(text) or text for text in texts))
        for texts in (card.phones, card.mobiles)
    )
    emails = tuple(sorted(text.strip() for text in card.emails))
    return (
        *numbers,
        emails,
        *(text.strip() for text in (card.name, card.organization, card.position)),
    )


def merge_subjects(backend: Backend, theirs: Sequence[str]) -> list[str]:
    """The list of both sides: since they last agreed, either may have taken something away, or added it."""
    theirs = _distinct(theirs)
    ours = list(CallSubject.objects.filter(tenant=backend.tenant).values_list("name", flat=True))
    agreed = checkpoints.read(backend.tenant, SUBJECTS) or []
    return [
        name
        for name in _distinct([*ours, *theirs])
        if (name in ours and name in theirs) or name not in agreed
    ]


def save_subjects(backend: Backend, names: Sequence[str]) -> None:
    """Both sides have this list now."""
    with transaction.atomic():
        checkpoints.write(backend.tenant, SUBJECTS, list(names))
        subjects = CallSubject.objects.filter(tenant=backend.tenant)
        subjects.exclude(name__in=names).delete()
        have = set(subjects.values_list("name", flat=True))
        CallSubject.objects.bulk_create(
            CallSubject(tenant=backend.tenant, name=name) for name in names if name not in have
        )


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.strip()[:255] for name in names if name.strip()))
