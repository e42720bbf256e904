"""A CRM that lives in one process's memory: for tests, and as the shortest example of a backend."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import count, islice

from django.utils import timezone

from .. import phone
from ..exceptions import NotFound
from ..records import ContactInput, ContactRecord, OrganizationRecord, UserRecord
from .base import Backend, ContactDirectory, OrganizationDirectory, UserDirectory


@dataclass
class Store:
    """Everything there is, by id."""

    users: dict[str, UserRecord] = field(default_factory=dict)
    contacts: dict[str, ContactRecord] = field(default_factory=dict)
    organizations: dict[str, OrganizationRecord] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget all."""
        self.users.clear()
        self.contacts.clear()
        self.organizations.clear()


store = Store()


class MemoryUsers(UserDirectory):
    """``store.users``."""

    def records(self) -> Iterator[UserRecord]:
        """Every user, by id."""
        yield from (store.users[id] for id in sorted(store.users))

    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        """By id, else extension, else address."""
        if id in store.users:
            return store.users[id]
        for name, value in (("extension", extension), ("email", email)):
            found = [
                user
                for user in store.users.values()
                if value and getattr(user, name).lower() == value.lower()
            ]
            if len(found) == 1:
                return found[0]
        return None


class MemoryContacts(ContactDirectory):
    """``store.contacts``."""

    can_delete = True

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[ContactRecord]:
        """By id."""
        found = (
            contact
            for id, contact in sorted(store.contacts.items())
            if id > after
            and (
                updated_since is None
                or (contact.updated_at and contact.updated_at >= updated_since)
            )
        )
        return islice(found, limit)

    def get(self, id: str) -> ContactRecord | None:
        """By id."""
        return store.contacts.get(id)

    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """By number, one contact after the other."""
        return [
            (number, contact)
            for contact in store.contacts.values()
            for number in {contact.phone, contact.mobile}.intersection(numbers)
        ]

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """The same name, and a number or the address."""
        name = f"{draft.first_name} {draft.last_name}".casefold()
        for contact in store.contacts.values():
            same_name = f"{contact.first_name} {contact.last_name}".casefold() == name
            same_email = draft.email and contact.email.lower() == draft.email.lower()
            if same_name and (same_email or {contact.phone, contact.mobile}.intersection(numbers)):
                return contact
        return None

    def create(self, draft: ContactInput) -> ContactRecord:
        """Under the next id that is free."""
        ids = (f"{n:06}" for n in count(len(store.contacts) + 1))
        id = next(id for id in ids if id not in store.contacts)
        return self._save(ContactRecord(id=id, created_at=timezone.now()), draft)

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """Only what ``draft`` says."""
        if id not in store.contacts:
            raise NotFound(
                f"There is no contact {id!r}.", fields={"id": ["No contact has this id."]}
            )
        return self._save(store.contacts[id], draft)

    def delete(self, id: str) -> None:
        """By id."""
        store.contacts.pop(id, None)

    def _save(self, contact: ContactRecord, draft: ContactInput) -> ContactRecord:
        said = {f.name: value for f in fields(draft) if (value := getattr(draft, f.name))}
        for name in ("phone", "mobile"):
            if name in said:
                said[name] = phone.e164(said[name])
        contact = store.contacts[contact.id] = replace(contact, updated_at=timezone.now(), **said)
        return contact


class MemoryOrganizations(OrganizationDirectory):
    """``store.organizations``."""

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[OrganizationRecord]:
        """By id."""
        found = (
            organization for id, organization in sorted(store.organizations.items()) if id > after
        )
        return islice(found, limit)


class MemoryBackend(Backend):
    """The three directories over ``store``."""

    user_directory = MemoryUsers
    contact_directory = MemoryContacts
    organization_directory = MemoryOrganizations
