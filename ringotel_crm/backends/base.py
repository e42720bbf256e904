"""What a CRM has to answer so that Ringotel's hooks work on it.

A backend is built for each request and for one :class:`~ringotel_crm.records.Actor`, so whatever
belongs to somebody else is out of reach by construction, and there is no cache to reset. It has three
directories. What a directory cannot do it declares with a class flag: the hook is then left out of the
document, and answered with 501.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar

from django.db.models import Model

from ..records import Actor, ContactInput, ContactRecord, OrganizationRecord, UserRecord


class Directory(ABC):
    """What the three have in common: the backend they belong to."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @classmethod
    def component_classes(cls) -> Sequence[type[Directory]]:
        """The directories that this one is made of: itself, unless it puts several together."""
        return [cls]


class UserDirectory(Directory):
    """The people who take calls."""

    @abstractmethod
    def records(self) -> Iterator[UserRecord]:
        """Every active user, in a stable order."""

    @abstractmethod
    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        """The active user with this id, else with this extension, else with this e-mail address, else None.

        Empty values are not looked for. An extension or address that two users share names neither.
        """

    def user_ids_for(self, users: Iterable[Any]) -> set[str]:
        """The ids here of these Django users: whose calls are theirs. Nobody's, unless this says otherwise."""
        return set()


class ContactDirectory(Directory):
    """The people outside the company."""

    # The model whose rows calls point to; None where there is no table (calls then keep id and name only).
    model: ClassVar[type[Model] | None] = None
    can_create: ClassVar[bool] = True
    can_update: ClassVar[bool] = True
    # Deleting is never offered to Ringotel: it is for the law's sake (services.erasure).
    can_delete: ClassVar[bool] = False
    can_merge: ClassVar[bool] = False

    @abstractmethod
    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[ContactRecord]:
        """The contacts, ordered by id and in bounded memory: those behind the id ``after``, at most ``limit``,
        only those changed at or after ``updated_since``."""

    def rows(
        self, columns: Sequence[str], *, updated_since: dt.datetime | None = None
    ) -> Iterator[tuple[str, ...]]:
        """:meth:`records` as tuples of these attributes, which are text; to be overridden for speed alone."""
        return map(attrgetter(*columns), self.records(updated_since=updated_since))

    @abstractmethod
    def get(self, id: str) -> ContactRecord | None:
        """The contact with this id; None for any text that is not the id of a visible contact."""

    @abstractmethod
    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Every pair of one of these E.164 numbers and a contact who has it, in no particular order."""

    def find_by_organization(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Every pair of one of these E.164 numbers and the main contact of an organization that has it."""
        return ()

    def sort_key(self, contact: ContactRecord) -> tuple[int, ...]:
        """Among contacts who share a number, the lowest is preferred; ``RINGOTEL_CRM["SHARED_NUMBER_RULE"]`` decides
        between equals."""
        return ()

    def url(self, id: str) -> str:
        """Path or absolute URL of the CRM's own page of this contact; "" where there is none."""
        return ""

    def to_reference(self, id: str) -> tuple[type[Model] | None, str]:
        """The model and primary key (as text) behind an id, for calls to point to."""
        return self.model, id

    def from_reference(self, model: type[Model], key: str) -> str:
        """Undoes :meth:`to_reference`: the id of the row of ``model`` with this key, "" if such are no contacts."""
        ours = self.model and self.model._meta.concrete_model
        return key if ours is model._meta.concrete_model else ""

    def find_by_email(self, email: str) -> Sequence[ContactRecord]:
        """Every contact with this address, whatever case it is written in; to point out duplicates."""
        return ()

    def duplicates(self, limit: int) -> Sequence[tuple[str, Sequence[str]]]:
        """At most ``limit`` numbers or addresses that several contacts have, with the ids of those contacts."""
        return ()

    def merge(self, target: str, source: str) -> None:
        """Give the contact ``keep`` the numbers, and what else it lacks, of ``gone``, and delete that one.

        Called inside a transaction, after whatever points to ``gone`` in our tables was carried over.
        """
        raise NotImplementedError

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """The contact whom ``draft`` describes again: the same name, and one of these E.164 numbers or its address."""
        raise NotImplementedError

    def create(self, draft: ContactInput) -> ContactRecord:
        """Make a contact. Called inside a transaction and after ``find_existing`` said None."""
        raise NotImplementedError

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """Change what ``draft`` says and nothing else. Called inside a transaction; raises ``NotFound``."""
        raise NotImplementedError

    def numbers(self, id: str) -> Sequence[str]:
        """Every number of this contact, E.164; override where there are more than two."""
        contact = self.get(id)
        return [number for number in (contact.phone, contact.mobile) if number] if contact else []

    def add_number(self, id: str, typed: str) -> None:
        """Keep one more number of this contact, beside those there are; does nothing where there is no room for it."""
        return

    def delete(self, id: str) -> None:
        """Delete the contact and whatever the CRM's tables hold of that person. Called inside a transaction."""
        raise NotImplementedError


class OrganizationDirectory(Directory):
    """The companies."""

    @abstractmethod
    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[OrganizationRecord]:
        """As :meth:`ContactDirectory.records`."""

    def rows(
        self, columns: Sequence[str], *, updated_since: dt.datetime | None = None
    ) -> Iterator[tuple[str, ...]]:
        """As :meth:`ContactDirectory.rows`."""
        return map(attrgetter(*columns), self.records(updated_since=updated_since))


class Backend:
    """The three directories for one actor. Hosts name their own in ``RINGOTEL_CRM["BACKEND"]``."""

    user_directory: ClassVar[type[UserDirectory]]
    contact_directory: ClassVar[type[ContactDirectory]]
    organization_directory: ClassVar[type[OrganizationDirectory] | None] = None

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    @cached_property
    def tenant(self) -> str:
        """The tenant whose calls, recordings and numbers this actor may reach; "" where there are no tenants."""
        return self.actor.tenant

    @cached_property
    def users(self) -> UserDirectory:
        """The people who take calls."""
        return self.user_directory(self)

    @cached_property
    def contacts(self) -> ContactDirectory:
        """The people outside the company."""
        return self.contact_directory(self)

    @cached_property
    def organizations(self) -> OrganizationDirectory | None:
        """The companies; None where the CRM has none."""
        return self.organization_directory(self) if self.organization_directory else None
