"""Caller identification: from a phone number to the contact."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Subquery

from ... import databases, phone
from ...backends import Backend
from ...conf import conf
from ...models import Activity
from ...records import ContactRecord, SharedNumberRule
from .references import record_reference


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerMatch:
    """A contact with this number; ``by_company`` if it is the number of the organization."""

    number: str
    contact: ContactRecord
    by_company: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerExplanation:
    """How a number was identified.

    ``candidates`` are the E.164 numbers that were looked up, in order of preference; without any,
    ``refusal`` is the reason. ``matches`` are in the order of ``candidates``; those of the first
    number with a match compete: first by the backend's ``sort_key()``, and if several remain, by
    ``rule``, the value of ``SHARED_NUMBER_RULE``; it is "" if it was not needed. ``winner`` is the
    contact returned to Ringotel.
    """

    candidates: tuple[str, ...] = ()
    refusal: phone.Refusal | None = None
    matches: tuple[CallerMatch, ...] = ()
    rule: str = ""
    winner: ContactRecord | None = None


def identify(backend: Backend, text: str) -> ContactRecord | None:
    """Return the contact with the number ``text``, in any notation, or None. Never writes."""
    return explain_caller(backend, text).winner


def identify_numbers(backend: Backend, candidates: Sequence[str]) -> ContactRecord | None:
    """Return the contact with the first of these E.164 numbers that any contact has, or None."""
    return _explain(backend, tuple(candidates)).winner if candidates else None


@databases.fresh_reads()
def explain_caller(backend: Backend, text: str) -> CallerExplanation:
    """Identify the contact with the number ``text`` and return each step. Never writes."""
    reading = phone.explain(text)
    if not reading.candidates:
        return CallerExplanation(refusal=reading.refusal)
    return _explain(backend, reading.candidates)


def _explain(backend: Backend, candidates: tuple[str, ...]) -> CallerExplanation:
    pairs = backend.contacts.find(candidates)
    by_company = not pairs
    if by_company:
        pairs = backend.contacts.find_by_organization(candidates)
    if not pairs:
        return CallerExplanation(candidates=candidates)
    matches = [
        CallerMatch(number=number, contact=contact, by_company=by_company)
        for number, contact in pairs
    ]
    matches.sort(key=lambda match: candidates.index(match.number))
    best = {m.contact.id: m.contact for m in matches if m.number == matches[0].number}
    preferred = _preferred(backend, list(best.values()))
    rule = conf.SHARED_NUMBER_RULE if len(preferred) > 1 else ""
    winner = _choose(backend, preferred, rule) if rule else preferred[0]
    return CallerExplanation(
        candidates=candidates, matches=tuple(matches), rule=rule, winner=winner
    )


def _preferred(backend: Backend, sharing: Sequence[ContactRecord]) -> list[ContactRecord]:
    """Return the contacts with the lowest ``sort_key()``, ordered by id."""
    keys = {contact.id: backend.contacts.sort_key(contact) for contact in sharing}
    lowest = min(keys.values())
    preferred = [contact for contact in sharing if keys[contact.id] == lowest]
    return sorted(preferred, key=lambda contact: (len(contact.id), contact.id))


def _choose(backend: Backend, contacts: Sequence[ContactRecord], rule: str) -> ContactRecord:
    """Return one of several contacts by ``rule``; the first of those that are equal."""
    if rule == SharedNumberRule.OLDEST:
        last = dt.datetime.max.replace(tzinfo=dt.UTC)
        return min(contacts, key=lambda contact: contact.created_at or last)
    if rule == SharedNumberRule.RECENTLY_UPDATED:
        times = {contact.id: contact.updated_at for contact in contacts}
    else:
        times = _last_calls(backend, contacts)
    first = dt.datetime.min.replace(tzinfo=dt.UTC)
    return max(contacts, key=lambda contact: times.get(contact.id) or first)


def _last_calls(
    backend: Backend, contacts: Sequence[ContactRecord]
) -> dict[str, dt.datetime | None]:
    """Return the start of the last call of each contact, by contact id.

    Takes one query with a subquery per contact, which reads a single entry of the index. Grouping
    the calls of all these contacts would read as many entries as they have calls.
    """
    calls = Activity.objects.filter(tenant=backend.tenant, start__isnull=False).order_by("-start")
    starts = [
        Subquery(calls.filter(**record_reference(backend, contact).lookup).values("start")[:1])
        for contact in contacts
    ]
    # Any row will do to select the subqueries from. Without a call, no contact has one.
    row = Activity.objects.order_by("-pk").values_list(*starts).first() or ()
    return dict(zip((contact.id for contact in contacts), row, strict=False))
