"""The data held about one person outside the company (a data subject of the GDPR)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q, QuerySet
from django.dispatch import Signal
from django.utils.translation import gettext as _

from ... import databases, phone
from ...backends import Backend
from ...exceptions import InvalidInput, NotFound
from ...models import Activity, Callback, Conversation, FollowUp, LegalHold, Note, PhoneIndex
from ...records import ContactRecord, ContactReference
from ..contacts.references import to_reference


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSubject:
    """A contact, existing or deleted, or a caller who is not a contact and has only a number.

    ``contact_id`` is the backend's id of the contact, "" for a caller. ``numbers`` are the E.164
    numbers of this person that no other contact has.
    """

    tenant: str
    contact: ContactRecord | None
    reference: ContactReference
    numbers: frozenset[str]
    contact_id: str = ""

    @property
    def calls(self) -> QuerySet[Activity]:
        """Calls of this contact, and unassigned calls with one of the numbers."""
        numbered = Q(caller_e164__in=self.numbers) | Q(called_e164__in=self.numbers)
        return Activity.objects.filter(
            Q(contact_id="") & numbered | self._by_reference, tenant=self.tenant
        )

    @property
    def conversations(self) -> QuerySet[Conversation]:
        """Conversations with this contact, and unassigned ones with one of the numbers."""
        numbered = Q(contact_id="", remote_number_normalized__in=self.numbers)
        return Conversation.objects.filter(numbered | self._by_reference, tenant=self.tenant)

    @property
    def index(self) -> QuerySet[PhoneIndex]:
        """Entries in the phone index."""
        return PhoneIndex.objects.filter(
            tenant=self.tenant, content_type=self.reference.type_id, object_id=self.reference.id
        ).exclude(object_id="")

    @property
    def notes(self) -> QuerySet[Note]:
        """Notes of staff about this contact."""
        return Note.objects.filter(self._by_reference, tenant=self.tenant)

    @property
    def follow_ups(self) -> QuerySet[FollowUp]:
        """Follow-ups on this contact and on the calls."""
        # With the calls themselves in the condition, PostgreSQL may read all of them for each row.
        on_calls = FollowUp.objects.filter(activity__in=self.calls.order_by()).order_by()
        return FollowUp.objects.filter(
            Q(pk__in=on_calls.values("pk")) | self._by_reference, tenant=self.tenant
        )

    @property
    def contact_follow_ups(self) -> QuerySet[FollowUp]:
        """Follow-ups on this contact."""
        return FollowUp.objects.filter(self._by_reference, tenant=self.tenant)

    @property
    def callbacks(self) -> QuerySet[Callback]:
        """What is stored about calling back one of the numbers."""
        return Callback.objects.filter(tenant=self.tenant, e164__in=self.numbers)

    @property
    def legal_holds(self) -> QuerySet[LegalHold]:
        """Legal holds on this contact."""
        return LegalHold.objects.filter(self._by_reference, tenant=self.tenant)

    @property
    def _by_reference(self) -> Q:
        return Q(**self.reference.lookup) if self.reference.id else Q(pk__in=[])


def collect_answers(signal: Signal, backend: Backend, person: DataSubject) -> dict[str, Any]:
    """Collect the data that each receiver of ``signal`` holds about this person.

    The receivers' dicts are merged. An exception in a receiver is raised.
    """
    answers: list[tuple[Any, Any]] = signal.send(sender=DataSubject, backend=backend, person=person)
    return {name: value for _receiver, answer in answers for name, value in (answer or {}).items()}


@databases.fresh_reads()
def find_subject(backend: Backend, *, contact_id: str = "", number: str = "") -> DataSubject:
    """Return the contact with this id, or without an id, the caller with this number.

    Raises ``NotFound`` if neither a contact nor data with this id exists, and ``InvalidInput`` if
    ``number`` is not a phone number or is the number of a contact.
    """
    if not contact_id:
        return _caller(backend, number)
    if "\0" in contact_id:  # PostgreSQL cannot compare it
        raise _not_found()
    contact = backend.contacts.get(contact_id)
    person = DataSubject(
        tenant=backend.tenant,
        contact=contact,
        reference=to_reference(backend, contact_id),
        numbers=frozenset(),
        contact_id=contact_id,
    )
    # Notes and follow-ups of a deleted contact still refer to it. Its calls and messages no longer
    # do: they are found by number.
    rows = (person.calls, person.conversations, person.notes, person.follow_ups)
    if contact is None and not any(queryset.exists() for queryset in rows):
        raise _not_found()
    numbers = {*backend.contacts.numbers(contact_id), *person.index.values_list("e164", flat=True)}
    # A number that another contact has too, of a company or a family, does not identify the caller.
    pairs = backend.contacts.find(sorted(numbers)) if numbers else ()
    shared = {number for number, other in pairs if other.id != contact_id}
    return replace(person, numbers=frozenset(numbers - shared))


def _not_found() -> NotFound:
    message = _("No contact has this id.")
    return NotFound(message, fields={"contact_id": [message]})


def _caller(backend: Backend, text: str) -> DataSubject:
    numbers = frozenset(number.e164 for number in phone.numbers(text))
    if not numbers:
        message = _("Enter a valid phone number.")
        raise InvalidInput(message, fields={"number": [message]})
    if pairs := backend.contacts.find(sorted(numbers)):
        raise InvalidInput(
            _("This is the number of a contact. Enter the id of the contact instead."),
            fields={"number": [contact.id for _number, contact in pairs]},
        )
    return DataSubject(
        tenant=backend.tenant, contact=None, reference=ContactReference(), numbers=numbers
    )
