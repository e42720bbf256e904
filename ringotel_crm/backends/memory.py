"""A backend in the memory of one process, for tests and as the shortest example of a backend."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import count, islice

from django.utils import timezone
from django.utils.translation import gettext as _

from .. import phone
from ..exceptions import NotFound
from ..records import ContactInput, ContactRecord, OrganizationRecord, UserRecord
from .base import Backend, ContactDirectory, OrganizationDirectory, UserDirectory


@dataclass
class Store:
    """The records of the backend, by id."""

    users: dict[str, UserRecord] = field(default_factory=dict)
    contacts: dict[str, ContactRecord] = field(default_factory=dict)
    organizations: dict[str, OrganizationRecord] = field(default_factory=dict)

    def clear(self) -> None:
        """Delete all records."""
        self.users.clear()
        self.contacts.clear()
        self.organizations.clear()


store = Store()


class MemoryUsers(UserDirectory):
    """The users in ``store.users``."""

    def records(self) -> Iterator[UserRecord]:
        yield from (store.users[id] for id in sorted(store.users))

    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        if id in store.users:
            return store.users[id]
        for name, value in (("extension", extension), ("email", email)):
            users = store.users.values()
            matches = [user for user in users if getattr(user, name).lower() == value.lower()]
            if value and len(matches) == 1:
                return matches[0]
        return None


class MemoryContacts(ContactDirectory):
    """The contacts in ``store.contacts``."""

    can_delete = True

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[ContactRecord]:
        contacts = (store.contacts[id] for id in sorted(store.contacts) if id > after)
        if updated_since:
            contacts = (
                contact
                for contact in contacts
                if contact.updated_at and contact.updated_at >= updated_since
            )
        return islice(contacts, limit)

    def get(self, id: str) -> ContactRecord | None:
        return store.contacts.get(id)

    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        return [
            (number, contact)
            for contact in store.contacts.values()
            for number in {contact.phone, contact.mobile}.intersection(numbers)
        ]

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        name = f"{draft.first_name} {draft.last_name}".casefold()
        for contact in store.contacts.values():
            same_name = f"{contact.first_name} {contact.last_name}".casefold() == name
            same_email = draft.email and contact.email.lower() == draft.email.lower()
            if same_name and (same_email or {contact.phone, contact.mobile}.intersection(numbers)):
                return contact
        return None

    def create(self, draft: ContactInput) -> ContactRecord:
        ids = (f"{n:06}" for n in count(len(store.contacts) + 1))
        id = next(id for id in ids if id not in store.contacts)
        return self._save(ContactRecord(id=id, created_at=timezone.now()), draft)

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        if id not in store.contacts:
            message = _("No contact has this id.")
            raise NotFound(message, fields={"id": [message]})
        return self._save(store.contacts[id], draft)

    def delete(self, id: str) -> None:
        store.contacts.pop(id, None)

    def _save(self, contact: ContactRecord, draft: ContactInput) -> ContactRecord:
        changes = {f.name: value for f in fields(draft) if (value := getattr(draft, f.name))}
        for name in ("phone", "mobile"):
            if name in changes:
                changes[name] = phone.e164(changes[name])
        saved = replace(contact, updated_at=timezone.now(), **changes)
        store.contacts[contact.id] = saved
        return saved


class MemoryOrganizations(OrganizationDirectory):
    """The organizations in ``store.organizations``."""

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[OrganizationRecord]:
        ids = (id for id in sorted(store.organizations) if id > after)
        return (store.organizations[id] for id in islice(ids, limit))


class MemoryBackend(Backend):
    """Users, contacts and organizations in ``store``."""

    user_directory = MemoryUsers
    contact_directory = MemoryContacts
    organization_directory = MemoryOrganizations
