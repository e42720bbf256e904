"""Who is calling, and what is known of the people outside the company."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db.models import Max

from ... import phone
from ...backends import Backend
from ...conf import conf
from ...models import Activity
from ...records import ContactRecord, SharedNumberRule


def identify(backend: Backend, text: str) -> ContactRecord | None:
    """The one contact whose number ``text`` is, in whatever notation; None rather than a guess. Never writes."""
    numbers = phone.candidates(text)
    if not numbers:
        return None
    pairs = backend.contacts.find(numbers) or backend.contacts.find_by_organization(numbers)
    for number in numbers:
        if sharing := {contact.id: contact for found, contact in pairs if found == number}:
            return _choose(backend, list(sharing.values()))
    return None


def _choose(backend: Backend, sharing: Sequence[ContactRecord]) -> ContactRecord:
    """One of several contacts with the same number: by the directory's rank, then ``RINGOTEL_CRM["SHARED_NUMBER_RULE"]``."""
    ranks = {contact.id: backend.contacts.sort_key(contact) for contact in sharing}
    sharing = [contact for contact in sharing if ranks[contact.id] == min(ranks.values())]
    if len(sharing) == 1:
        return sharing[0]
    by_id = sorted(sharing, key=lambda contact: (len(contact.id), contact.id))
    rule = conf.SHARED_NUMBER_RULE
    if rule == SharedNumberRule.OLDEST:
        return min(
            by_id, key=lambda contact: contact.created_at or dt.datetime.max.replace(tzinfo=dt.UTC)
        )
    if rule == SharedNumberRule.RECENTLY_UPDATED:
        times = {contact.id: contact.updated_at for contact in by_id}
    else:
        times = _last_calls(backend, by_id)
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    return max(by_id, key=lambda contact: times.get(contact.id) or never)


def _last_calls(
    backend: Backend, contacts: Sequence[ContactRecord]
) -> dict[str, dt.datetime | None]:
    """When each of these contacts had the last call."""
    references = {backend.contacts.to_reference(contact.id): contact.id for contact in contacts}
    calls = (
        Activity.objects.filter(
            tenant=backend.tenant, contact_id__in=[key for _, key in references]
        )
        .order_by()
        .values_list("contact_type", "contact_id")
        .annotate(last=Max("start"))
    )
    types = {
        model and ContentType.objects.get_for_model(model).pk: model for model, _ in references
    }
    return {
        references[types[type_id], key]: last
        for type_id, key, last in calls
        if type_id in types and (types[type_id], key) in references
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerMatch:
    """A contact who has this number, or is reached by the number of his or her company."""

    number: str
    contact: ContactRecord
    by_company: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerExplanation:
    """Why a number names this contact, or nobody."""

    candidates: tuple[str, ...] = ()
    refusal: phone.Refusal | None = None
    matches: tuple[CallerMatch, ...] = ()
    winner: ContactRecord | None = None


def explain_caller(backend: Backend, text: str) -> CallerExplanation:
    """Every step of :func:`~ringotel_crm.services.contacts.identify.identify`."""
    reading = phone.explain(text)
    if reading.refusal:
        return CallerExplanation(refusal=reading.refusal)
    pairs = backend.contacts.find(reading.candidates)
    by_company = not pairs
    pairs = pairs or backend.contacts.find_by_organization(reading.candidates)
    matches = (
        CallerMatch(number=number, contact=contact, by_company=by_company)
        for number, contact in pairs
    )
    return CallerExplanation(
        candidates=reading.candidates,
        matches=tuple(sorted(matches, key=lambda match: reading.candidates.index(match.number))),
        winner=identify(backend, text),
    )
