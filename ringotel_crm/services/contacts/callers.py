"""The outside party of a call: a person, or the people of an organization."""

from __future__ import annotations

from dataclasses import dataclass

from ...backends import Backend
from ...models import Activity
from ...records import ContactRecord
from .identify import CallerExplanation, explain_caller
from .linking import resolve_reference

MAX_PEOPLE = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The contacts to whom a number may belong.

    ``organization`` is the name of the organization if the number is that of its switchboard:
    the organization's own number, or one that several of its contacts share.
    """

    contacts: tuple[ContactRecord, ...] = ()
    organization: str = ""

    @property
    def contact(self) -> ContactRecord | None:
        """The person who calls, or None if that is not known."""
        is_known = len(self.contacts) == 1 and not self.organization
        return self.contacts[0] if is_known else None


def explained_caller(backend: Backend, explanation: CallerExplanation) -> Caller:
    """Return the caller whose number was identified as in ``explanation``."""
    contacts = tuple({match.contact.id: match.contact for match in explanation.matches}.values())
    names = {contact.company_name for contact in contacts}
    by_company = any(match.by_company for match in explanation.matches)
    if len(names) > 1 or not (by_company or len(contacts) > 1):
        return Caller(contacts=contacts)
    if by_company:
        people = backend.contacts.same_organization(contacts[0].id, MAX_PEOPLE)
        contacts = tuple(people) or contacts
    return Caller(contacts=contacts, organization=names.pop())


def find_caller(backend: Backend, call: Activity) -> Caller:
    """Return the caller by the number of the call, unless the call was assigned to a contact."""
    contact = resolve_reference(backend, call.contact_reference)
    if contact and call.contact_confirmed:
        return Caller(contacts=(contact,))
    caller = explained_caller(backend, explain_caller(backend, call.outside_number))
    if contact and contact.id not in {one.id for one in caller.contacts}:
        return Caller(contacts=(contact,))
    return caller
