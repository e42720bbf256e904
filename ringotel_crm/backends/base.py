"""The interface that a CRM implements for Ringotel's hooks.

A backend is created for each request and for one :class:`~ringotel_crm.records.Actor`, so it gives
access to that actor's tenant only and has no cache to reset. It has up to three directories:
users, contacts and organizations. A directory declares with class flags what it does not support:
the hook is then omitted from the document and answered with status 501.
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
    """Base class of the directories of a backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @classmethod
    def component_classes(cls) -> Sequence[type[Directory]]:
        """Return the directories that this one consists of: itself, unless it is a composite."""
        return [cls]


class UserDirectory(Directory):
    """The users who take calls."""

    @abstractmethod
    def records(self) -> Iterator[UserRecord]:
        """Yield every active user, in a stable order."""

    @abstractmethod
    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        """Return the active user with this id, else this extension, else this e-mail address.

        Empty values are not looked up. An extension or address that two users share matches neither
        of them. Returns None without a match.
        """

    def user_ids_for(self, users: Iterable[Any]) -> set[str]:
        """Return the ids in this directory of these Django users, to select their own calls.

        The default is no id: users then have no calls of their own.
        """
        return set()


class ContactDirectory(Directory):
    """The contacts: people outside the company."""

    # The model that calls refer to; None without a table: calls then store the id and name only.
    model: ClassVar[type[Model] | None] = None
    can_create: ClassVar[bool] = True
    can_update: ClassVar[bool] = True
    # Whether the erasure of a person may call delete(). Ringotel itself never deletes contacts.
    can_delete: ClassVar[bool] = False
    # Whether remove_number() is implemented, for the admin.
    can_remove_numbers: ClassVar[bool] = False
    # Whether merge() is implemented, for the admin.
    can_merge: ClassVar[bool] = False
    # Dotted path of the subclass of ``services.contacts.importing.ContactImporter`` that imports
    # files; "" for that class itself, which creates contacts one by one.
    importer: ClassVar[str] = ""

    @abstractmethod
    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[ContactRecord]:
        """Yield contacts ordered by id, in bounded memory.

        ``after`` is the id of the last contact of the previous page. ``limit`` is the maximum
        number of contacts. ``updated_since`` selects those changed at or after this time. Raises
        ``InvalidInput`` if ``after`` cannot be an id.
        """

    def rows(
        self, columns: Sequence[str], *, updated_since: dt.datetime | None = None
    ) -> Iterator[tuple[str, ...]]:
        """Yield :meth:`records` as tuples of these text attributes. Override for speed only."""
        return map(attrgetter(*columns), self.records(updated_since=updated_since))

    @abstractmethod
    def get(self, id: str) -> ContactRecord | None:
        """Return the contact with this id, or None for any other text. Never raises."""

    @abstractmethod
    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Return each pair of one of these E.164 numbers and a contact with it, in any order."""

    def find_by_organization(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Return pairs of one of these E.164 numbers and the main contact of its organization."""
        return ()

    def same_organization(self, id: str, limit: int) -> Sequence[ContactRecord]:
        """Return up to ``limit`` contacts of the contact's organization, itself included.

        They are shown when the organization's number calls. The default is no contacts.
        """
        return ()

    def sort_key(self, contact: ContactRecord) -> tuple[int, ...]:
        """Return the preference of ``contact`` among contacts that share a number: lowest first.

        ``RINGOTEL_CRM["SHARED_NUMBER_RULE"]`` decides between equal keys.
        """
        return ()

    def url(self, id: str) -> str:
        """Return the path or absolute URL of the contact's page, "" without one."""
        return ""

    def add_url(self, *, name: str, number: str) -> str:
        """Return the URL of the form for a new contact with these values, "" without one.

        Without one, the form in the admin is used.
        """
        return ""

    def to_reference(self, id: str) -> tuple[type[Model] | None, str]:
        """Return the model and the primary key, as text, by which calls refer to this contact."""
        return self.model, id

    def from_reference(self, model: type[Model], key: str) -> str:
        """Return the contact id for a model and primary key, "" if the model has no contacts.

        The inverse of :meth:`to_reference`.
        """
        own_model = self.model and self.model._meta.concrete_model
        return key if own_model is model._meta.concrete_model else ""

    def find_by_email(self, email: str) -> Sequence[ContactRecord]:
        """Return the contacts with this e-mail address, ignoring case, to show duplicates."""
        return ()

    def duplicates(
        self, limit: int, after: str = ""
    ) -> tuple[Sequence[tuple[str, Sequence[str]]], str]:
        """Return up to ``limit`` numbers or addresses of several contacts, with the contacts' ids,
        and where to continue: the text to pass as ``after``, "" at the end.

        For example ``([("+353209150100", ["7", "9"]), ("ada@example.com", ["7", "12"])], "")``.
        """
        return (), ""

    def merge(self, target: str, source: str) -> None:
        """Copy what the contact ``target`` lacks from ``source``, with its numbers; delete that.

        Called inside a transaction, after the calls, notes and messages of ``source`` were moved.
        """
        raise NotImplementedError

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """Return the contact that ``draft`` describes, or None.

        It has the same name, and one of these E.164 numbers or the same e-mail address.
        """
        raise NotImplementedError

    def create(self, draft: ContactInput) -> ContactRecord:
        """Create a contact.

        Called inside a transaction, if :meth:`find_existing` returned None. Raises
        ``InvalidInput``.
        """
        raise NotImplementedError

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """Write the non-empty values of ``draft`` and leave all others unchanged.

        Called inside a transaction. Raises ``NotFound`` or ``InvalidInput``.
        """
        raise NotImplementedError

    def numbers(self, id: str) -> Sequence[str]:
        """Return every E.164 number of this contact. Override if there are more than two."""
        contact = self.get(id)
        return [number for number in (contact.phone, contact.mobile) if number] if contact else []

    def add_number(self, id: str, typed: str) -> None:
        """Add a number to an existing contact, for example when it calls from another phone.

        ``typed`` is the number as received. Does nothing if a contact cannot have more numbers.
        """
        return

    def remove_number(self, id: str, number: str) -> None:
        """Remove an E.164 number from a contact. Called inside a transaction.

        Raises ``InvalidInput`` if the contact cannot be saved without it.
        """
        raise NotImplementedError

    def delete(self, id: str) -> None:
        """Delete the contact and its personal data in the CRM. Called inside a transaction."""
        raise NotImplementedError


class OrganizationDirectory(Directory):
    """The organizations that contacts belong to."""

    @abstractmethod
    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[OrganizationRecord]:
        """Yield organizations, as :meth:`ContactDirectory.records`."""

    def rows(
        self, columns: Sequence[str], *, updated_since: dt.datetime | None = None
    ) -> Iterator[tuple[str, ...]]:
        """Yield :meth:`records` as tuples, as :meth:`ContactDirectory.rows`."""
        return map(attrgetter(*columns), self.records(updated_since=updated_since))


class Backend:
    """The directories for one actor. Subclass it and set ``RINGOTEL_CRM["BACKEND"]``."""

    user_directory: ClassVar[type[UserDirectory]]
    contact_directory: ClassVar[type[ContactDirectory]]
    organization_directory: ClassVar[type[OrganizationDirectory] | None] = None

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    @cached_property
    def tenant(self) -> str:
        """The tenant of the calls and contacts that the actor may access, "" without tenants."""
        return self.actor.tenant

    @cached_property
    def users(self) -> UserDirectory:
        """The user directory."""
        return self.user_directory(self)

    @cached_property
    def contacts(self) -> ContactDirectory:
        """The contact directory."""
        return self.contact_directory(self)

    @cached_property
    def organizations(self) -> OrganizationDirectory | None:
        """The organization directory; None if the CRM has no organizations."""
        return self.organization_directory(self) if self.organization_directory else None
