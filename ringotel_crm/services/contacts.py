"""Who is calling, and what is known of the people outside the company."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Max

from .. import phone, signals
from ..backends import Backend
from ..backends.base import ContactDirectory
from ..conf import conf
from ..exceptions import Invalid, Unsupported
from ..models import Activity
from ..records import ContactDraft, ContactRecord, SharedNumberRule
from . import locks

NO_NUMBER = {phone.Refusal.EMPTY, phone.Refusal.WITHHELD, phone.Refusal.SHORT, phone.Refusal.IMPOSSIBLE}


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
    """One of several contacts with the same number: by the directory's rank, then ``RINGOTEL_CRM["SHARED_NUMBER"]``."""
    ranks = {contact.id: backend.contacts.rank(contact) for contact in sharing}
    sharing = [contact for contact in sharing if ranks[contact.id] == min(ranks.values())]
    if len(sharing) == 1:
        return sharing[0]
    by_id = sorted(sharing, key=lambda contact: (len(contact.id), contact.id))
    rule = conf.SHARED_NUMBER
    if rule == SharedNumberRule.OLDEST:
        return min(by_id, key=lambda contact: contact.created_at or dt.datetime.max.replace(tzinfo=dt.UTC))
    if rule == SharedNumberRule.RECENTLY_UPDATED:
        times = {contact.id: contact.updated_at for contact in by_id}
    else:
        times = _last_calls(backend, by_id)
    never = dt.datetime.min.replace(tzinfo=dt.UTC)
    return max(by_id, key=lambda contact: times.get(contact.id) or never)


def _last_calls(backend: Backend, contacts: Sequence[ContactRecord]) -> dict[str, dt.datetime | None]:
    """When each of these contacts had the last call."""
    references = {backend.contacts.reference(contact.id): contact.id for contact in contacts}
    calls = (
        Activity.objects.filter(scope=backend.scope, contact_id__in=[key for _, key in references])
        .order_by()
        .values_list("contact_type", "contact_id")
        .annotate(last=Max("start"))
    )
    types = {model and ContentType.objects.get_for_model(model).pk: model for model, _ in references}
    return {
        references[types[type_id], key]: last
        for type_id, key, last in calls
        if type_id in types and (types[type_id], key) in references
    }


def create_contact(backend: Backend, draft: ContactDraft) -> ContactRecord:
    """The contact whom ``draft`` describes: the one there is, with what it lacked filled in, else a new one."""
    directory = backend.contacts
    if not directory.can_create:
        raise Unsupported("This CRM takes no new contacts from the phone.")
    if not any((draft.first_name, draft.last_name, draft.email, draft.phone, draft.mobile)):
        raise Invalid(
            "A contact needs at least a name, a number or an e-mail address.",
            fields={"first_name": ["Give a name, a phone number or an e-mail address."]},
        )
    numbers = [number.e164 for typed in (draft.phone, draft.mobile) for number in phone.numbers(typed)]
    with transaction.atomic():
        locks.take(f"contacts {backend.scope}")
        if same := directory.find_same(draft, numbers):
            missing = {
                f.name: value for f in fields(draft) if (value := getattr(draft, f.name)) and not getattr(same, f.name)
            }
            others = _other_numbers(directory, same, draft)
            if not directory.can_update or not (missing or others):
                return same
            contact = directory.update(same.id, ContactDraft(**missing)) if missing else same
            for typed in others:
                directory.add_number(same.id, typed)
            signal = signals.contact_updated
        else:
            contact = directory.create(draft)
            signal = signals.contact_created
        transaction.on_commit(partial(signal.send_robust, sender=type(directory), contact=contact, backend=backend))
    return contact


def _other_numbers(directory: ContactDirectory, contact: ContactRecord, draft: ContactDraft) -> list[str]:
    """Numbers that are said beside those there are: somebody known calls from another phone."""
    others = [
        (typed, found[0].e164)
        for name in ("phone", "mobile")
        if getattr(contact, name) and (typed := getattr(draft, name)) and (found := phone.numbers(typed))
    ]
    others = [(typed, e164) for typed, e164 in others if e164 not in (contact.phone, contact.mobile)]
    known = directory.numbers(contact.id) if others else ()
    return [typed for typed, e164 in others if e164 not in known]


def update_contact(backend: Backend, id: str, draft: ContactDraft) -> ContactRecord:
    """Change what ``draft`` says. Raises ``NotFound``."""
    directory = backend.contacts
    if not directory.can_update:
        raise Unsupported("This CRM does not let the phone change contacts.")
    for name in ("phone", "mobile"):
        # A word in the place of a number would wipe the number that is there. Without a region, national numbers
        # cannot be read, and are believed.
        refusal = phone.explain(getattr(draft, name)).refusal
        if getattr(draft, name) and refusal in NO_NUMBER:
            raise Invalid("This is not a telephone number.", fields={name: ["A telephone number is expected."]})
    with transaction.atomic():
        locks.take(f"contacts {backend.scope}")
        if before := directory.get(id):
            draft = _without_echo(before, draft)
        contact = directory.update(id, draft)
        transaction.on_commit(
            partial(signals.contact_updated.send_robust, sender=type(directory), contact=contact, backend=backend)
        )
    return contact


def _without_echo(contact: ContactRecord, draft: ContactDraft) -> ContactDraft:
    """What the phone was shown and sends back is no change: a number stays as a person typed it, with its extension."""
    echo = {f.name: "" for f in fields(draft) if getattr(draft, f.name) == getattr(contact, f.name)}
    for name in ("phone", "mobile"):
        said = [(number.e164, number.extension) for number in phone.numbers(getattr(draft, name))]
        if said == [(getattr(contact, name), "")]:
            echo[name] = ""
    return replace(draft, **echo)
