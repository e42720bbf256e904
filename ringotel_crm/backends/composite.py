"""Several models that are contacts together: leads beside people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Model
from django.utils.translation import gettext as _

from ..exceptions import NotFound, Unsupported
from ..records import ContactInput, ContactRecord
from .base import Backend, ContactDirectory, Directory

SEPARATOR = ":"


class CompositeContactDirectory(ContactDirectory):
    """Directories as one: ``parts = {"person": People, "lead": Leads}``.

    The order is that of preference: whoever is in an earlier part answers a call before one of a later part who has
    the same number. An id begins with the part's name: ``lead:5``. New contacts go to ``creates``, else the first.
    """

    parts: ClassVar[Mapping[str, type[ContactDirectory]]]
    creates: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Able to do what the parts can."""
        super().__init_subclass__(**kwargs)
        parts = getattr(cls, "parts", {})
        cls.can_create = any(
            part.can_create for name, part in parts.items() if cls.creates in ("", name)
        )
        cls.can_update = any(part.can_update for part in parts.values())
        cls.can_delete = all(part.can_delete for part in parts.values())

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.directories = {name: part(backend) for name, part in self.parts.items()}

    @classmethod
    def component_classes(cls) -> Sequence[type[Directory]]:
        """The parts."""
        return [member for part in cls.parts.values() for member in part.component_classes()]

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[ContactRecord]:
        """One part after the other."""
        begun, _separator, last = after.partition(SEPARATOR)
        names = list(self.directories)
        for name in names[names.index(begun) if begun in names else 0 :]:
            part = self.directories[name].records(
                after=last if name == begun else "", limit=limit, updated_since=updated_since
            )
            for contact in part:
                yield self._named(name, contact)
                limit = None if limit is None else limit - 1
            if limit is not None and limit <= 0:
                return

    def get(self, id: str) -> ContactRecord | None:
        """By the part that the id names."""
        directory, own_id = self._part(id)
        found = directory.get(own_id) if directory else None
        return self._named(id.partition(SEPARATOR)[0], found) if found else None

    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Of each number, those in the first part that has it: the others would not be preferred."""
        found: dict[str, list[tuple[str, ContactRecord]]] = {}
        for name, directory in self.directories.items():
            missing = [number for number in numbers if number not in found]
            for number, contact in directory.find(missing) if missing else ():
                found.setdefault(number, []).append((number, self._named(name, contact)))
        return [pair for pairs in found.values() for pair in pairs]

    def find_by_organization(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """The first part that knows."""
        for name, directory in self.directories.items():
            if found := directory.find_by_organization(numbers):
                return [(number, self._named(name, contact)) for number, contact in found]
        return []

    def sort_key(self, contact: ContactRecord) -> tuple[int, ...]:
        """The place of the part, then what the part says."""
        name, _separator, own_id = contact.id.partition(SEPARATOR)
        return list(self.parts).index(name), *self.directories[name].sort_key(
            replace(contact, id=own_id)
        )

    def url(self, id: str) -> str:
        """The part's."""
        directory, own_id = self._part(id)
        return directory.url(own_id) if directory else ""

    def numbers(self, id: str) -> Sequence[str]:
        """The part's."""
        directory, own_id = self._part(id)
        return directory.numbers(own_id) if directory else []

    def to_reference(self, id: str) -> tuple[type[Model] | None, str]:
        """The part's."""
        directory, own_id = self._part(id)
        return directory.to_reference(own_id) if directory else (None, id)

    def from_reference(self, model: type[Model], key: str) -> str:
        """Of the part that has such rows."""
        ids = (
            (name, directory.from_reference(model, key))
            for name, directory in self.directories.items()
        )
        return next((f"{name}{SEPARATOR}{id}" for name, id in ids if id), "")

    def find_by_email(self, email: str) -> Sequence[ContactRecord]:
        """In all parts."""
        found = (
            (name, contact)
            for name, part in self.directories.items()
            for contact in part.find_by_email(email)
        )
        return [self._named(name, contact) for name, contact in found]

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """In whichever part."""
        for name, directory in self.directories.items():
            if found := directory.find_existing(draft, numbers):
                return self._named(name, found)
        return None

    def create(self, draft: ContactInput) -> ContactRecord:
        """In ``creates``."""
        name = self.creates or next(iter(self.parts))
        return self._named(name, self.directories[name].create(draft))

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """In the part that the id names."""
        directory, own_id = self._part(id)
        if directory is None:
            raise NotFound(
                _("There is no such contact."), fields={"id": [_("No contact has this id.")]}
            )
        if not directory.can_update:
            raise Unsupported(_("This CRM does not let the phone change contacts of this kind."))
        return self._named(id.partition(SEPARATOR)[0], directory.update(own_id, draft))

    def add_number(self, id: str, typed: str) -> None:
        """To the one that the id names."""
        directory, own_id = self._part(id)
        if directory:
            directory.add_number(own_id, typed)

    def delete(self, id: str) -> None:
        """In the part that the id names."""
        directory, own_id = self._part(id)
        if directory:
            directory.delete(own_id)

    def _part(self, id: str) -> tuple[ContactDirectory | None, str]:
        name, _separator, own_id = id.partition(SEPARATOR)
        return self.directories.get(name), own_id

    def _named(self, name: str, contact: ContactRecord) -> ContactRecord:
        return replace(contact, id=f"{name}{SEPARATOR}{contact.id}")
