"""Everything that is held about one person outside the company."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.dispatch import Signal
from django.utils.translation import gettext as _

from ... import phone
from ...backends import Backend
from ...exceptions import InvalidInput, NotFound
from ...models import Activity, Conversation, Note, PhoneIndex
from ...records import ContactRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSubject:
    """A contact, also one that is deleted, or somebody who only called: then there is a number and no contact.

    ``contact_type`` and ``contact_id`` are the reference that rows have. ``numbers`` (E.164) are nobody else's.
    """

    tenant: str
    contact: ContactRecord | None
    contact_type: ContentType | None
    contact_id: str
    numbers: frozenset[str]

    @property
    def calls(self) -> QuerySet[Activity]:
        """Calls of this contact, and those of nobody that have one of the numbers."""
        numbered = Q(caller_e164__in=self.numbers) | Q(called_e164__in=self.numbers)
        return Activity.objects.filter(
            Q(contact_id="") & numbered | self._reference, tenant=self.tenant
        )

    @property
    def conversations(self) -> QuerySet[Conversation]:
        """With this contact, and those with nobody that have one of the numbers."""
        numbered = Q(contact_id="", remote_number_normalized__in=self.numbers)
        return Conversation.objects.filter(numbered | self._reference, tenant=self.tenant)

    @property
    def index(self) -> QuerySet[PhoneIndex]:
        """Entries in the index of numbers."""
        return PhoneIndex.objects.filter(
            tenant=self.tenant, content_type=self.contact_type, object_id=self.contact_id
        ).exclude(object_id="")

    @property
    def notes(self) -> QuerySet[Note]:
        """What staff wrote down."""
        return Note.objects.filter(self._reference, tenant=self.tenant)

    @property
    def _reference(self) -> Q:
        if not self.contact_id:
            return Q(pk__in=[])
        return Q(contact_type=self.contact_type, contact_id=self.contact_id)


def collect_answers(signal: Signal, backend: Backend, person: DataSubject) -> dict[str, Any]:
    """What everybody answers who holds something about this person; see :mod:`~ringotel_crm.signals`."""
    answers: list[tuple[Any, Any]] = signal.send(sender=DataSubject, backend=backend, person=person)
    return {name: value for _receiver, answer in answers for name, value in (answer or {}).items()}


def find_subject(backend: Backend, *, contact_id: str = "", number: str = "") -> DataSubject:
    """The contact with this id, or else whoever called from this number. Raises ``NotFound`` or ``Invalid``."""
    if not contact_id:
        return _caller(backend, number)
    contact = backend.contacts.get(contact_id)
    model, key = backend.contacts.to_reference(contact_id)
    person = DataSubject(
        tenant=backend.tenant,
        contact=contact,
        contact_type=ContentType.objects.get_for_model(model) if model else None,
        contact_id=key,
        numbers=frozenset(),
    )
    # A contact that was deleted may have left notes; its calls and messages are nobody's since, and have its number.
    if contact is None and not any(
        rows.exists() for rows in (person.calls, person.conversations, person.notes)
    ):
        raise NotFound(
            _("There is no such contact."), fields={"contact_id": [_("No contact has this id.")]}
        )
    numbers = {*backend.contacts.numbers(contact_id), *person.index.values_list("e164", flat=True)}
    # What another contact has too, the number of a company or a family, does not tell who called.
    found = backend.contacts.find(sorted(numbers)) if numbers else ()
    shared = {number for number, other in found if other.id != contact_id}
    return replace(person, numbers=frozenset(numbers - shared))


def _caller(backend: Backend, text: str) -> DataSubject:
    numbers = frozenset(number.e164 for number in phone.numbers(text))
    if not numbers:
        raise InvalidInput(
            _("This is not a telephone number."), fields={"number": [_("A number is expected.")]}
        )
    if found := backend.contacts.find(sorted(numbers)):
        raise InvalidInput(
            _("This is a contact's number: say which contact."),
            fields={"number": [contact.id for _number, contact in found]},
        )
    return DataSubject(
        tenant=backend.tenant, contact=None, contact_type=None, contact_id="", numbers=numbers
    )
