"""Several directories of contacts as one, for example people and leads."""

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

# Between the name of the part and the id within the part.
SEPARATOR = ":"


class CompositeContactDirectory(ContactDirectory):
    """A directory made of several: ``parts = {"person": People, "lead": Leads}``.

    Parts are in order of preference: if contacts of two parts share a number, the contact of the
    earlier part is returned. Ids start with the name of the part: ``lead:5``. New contacts are
    created in the part named by ``creates``, by default the first part.
    """

    parts: ClassVar[Mapping[str, type[ContactDirectory]]]
    creates: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Set the flags from those of the parts."""
        super().__init_subclass__(**kwargs)
        parts = getattr(cls, "parts", {})
        cls.can_create = any(
            part.can_create for name, part in parts.items() if cls.creates in ("", name)
        )
        cls.can_update = any(part.can_update for part in parts.values())
        cls.can_delete = all(part.can_delete for part in parts.values())
        cls.can_remove_numbers = any(part.can_remove_numbers for part in parts.values())

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._directories = {name: part(backend) for name, part in self.parts.items()}

    @classmethod
    def component_classes(cls) -> Sequence[type[Directory]]:
        """Return the components of all parts."""
        return [component for part in cls.parts.values() for component in part.component_classes()]

    def records(
        self, *, after: str = "", limit: int | None = None, updated_since: dt.datetime | None = None
    ) -> Iterator[ContactRecord]:
        """Yield the contacts of one part after the other."""
        first_name, _separator, last_id = after.partition(SEPARATOR)
        names = list(self._directories)
        if first_name in names:
            names = names[names.index(first_name) :]
        for name in names:
            part_after = last_id if name == first_name else ""
            contacts = self._directories[name].records(
                after=part_after, limit=limit, updated_since=updated_since
            )
            for contact in contacts:
                yield _prefixed(name, contact)
                limit = None if limit is None else limit - 1
            if limit is not None and limit <= 0:
                return

    def get(self, id: str) -> ContactRecord | None:
        """Return the contact of the part that the id names."""
        name, directory, part_id = self._resolve(id)
        contact = directory.get(part_id) if directory else None
        return _prefixed(name, contact) if contact else None

    def find(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Return the pairs of each number from the first part that has it."""
        pairs: list[tuple[str, ContactRecord]] = []
        missing = list(numbers)
        for name, directory in self._directories.items():
            if missing:
                matches = directory.find(missing)
                pairs += [(number, _prefixed(name, contact)) for number, contact in matches]
                matched = {number for number, _contact in matches}
                missing = [number for number in missing if number not in matched]
        return pairs

    def find_by_organization(self, numbers: Sequence[str]) -> Sequence[tuple[str, ContactRecord]]:
        """Return the pairs of the first part that has any."""
        for name, directory in self._directories.items():
            if pairs := directory.find_by_organization(numbers):
                return [(number, _prefixed(name, contact)) for number, contact in pairs]
        return []

    def same_organization(self, id: str, limit: int) -> Sequence[ContactRecord]:
        """Return contacts of the part that the id names."""
        name, directory, part_id = self._resolve(id)
        contacts = directory.same_organization(part_id, limit) if directory else ()
        return [_prefixed(name, contact) for contact in contacts]

    def sort_key(self, contact: ContactRecord) -> tuple[int, ...]:
        """Return the position of the part, followed by the key within the part."""
        name, _separator, part_id = contact.id.partition(SEPARATOR)
        key = self._directories[name].sort_key(replace(contact, id=part_id))
        return list(self.parts).index(name), *key

    def url(self, id: str) -> str:
        """Return the URL from the part that the id names."""
        _name, directory, part_id = self._resolve(id)
        return directory.url(part_id) if directory else ""

    def add_url(self, *, name: str, number: str) -> str:
        """Return the URL from the part ``creates``, else from the first part with a URL."""
        for part_name, directory in self._directories.items():
            if not (directory.can_create and self.creates in ("", part_name)):
                continue
            if url := directory.add_url(name=name, number=number):
                return url
        return ""

    def numbers(self, id: str) -> Sequence[str]:
        """Return the numbers from the part that the id names."""
        _name, directory, part_id = self._resolve(id)
        return directory.numbers(part_id) if directory else []

    def to_reference(self, id: str) -> tuple[type[Model] | None, str]:
        """Return the reference from the part that the id names."""
        _name, directory, part_id = self._resolve(id)
        return directory.to_reference(part_id) if directory else (None, id)

    def from_reference(self, model: type[Model], key: str) -> str:
        """Return the id from the first part that has rows of ``model``."""
        for name, directory in self._directories.items():
            if part_id := directory.from_reference(model, key):
                return f"{name}{SEPARATOR}{part_id}"
        return ""

    def find_by_email(self, email: str) -> Sequence[ContactRecord]:
        """Return the contacts of all parts."""
        return [
            _prefixed(name, contact)
            for name, directory in self._directories.items()
            for contact in directory.find_by_email(email)
        ]

    def find_existing(self, draft: ContactInput, numbers: Sequence[str]) -> ContactRecord | None:
        """Return the contact from the first part that has one."""
        for name, directory in self._directories.items():
            if contact := directory.find_existing(draft, numbers):
                return _prefixed(name, contact)
        return None

    def create(self, draft: ContactInput) -> ContactRecord:
        """Create a contact in the part ``creates``. Raises ``InvalidInput``."""
        name = self.creates or next(iter(self.parts))
        return _prefixed(name, self._directories[name].create(draft))

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        """Update the contact of the part that the id names.

        Raises ``NotFound``, ``InvalidInput``, or ``Unsupported`` if the part is read-only.
        """
        name, directory, part_id = self._resolve(id)
        if directory is None:
            message = _("No contact has this id.")
            raise NotFound(message, fields={"id": [message]})
        if not directory.can_update:
            raise Unsupported(_("Contacts of this kind cannot be changed from the phone."))
        return _prefixed(name, directory.update(part_id, draft))

    def add_number(self, id: str, typed: str) -> None:
        """Add the number in the part that the id names."""
        _name, directory, part_id = self._resolve(id)
        if directory:
            directory.add_number(part_id, typed)

    def remove_number(self, id: str, number: str) -> None:
        """Remove the number in the part that the id names, if that part can."""
        _name, directory, part_id = self._resolve(id)
        if directory and directory.can_remove_numbers:
            directory.remove_number(part_id, number)

    def delete(self, id: str) -> None:
        """Delete the contact of the part that the id names."""
        _name, directory, part_id = self._resolve(id)
        if directory:
            directory.delete(part_id)

    def _resolve(self, id: str) -> tuple[str, ContactDirectory | None, str]:
        """Split an id into the name of the part, its directory or None, and the id within it."""
        name, _separator, part_id = id.partition(SEPARATOR)
        return name, self._directories.get(name), part_id


def _prefixed(name: str, contact: ContactRecord) -> ContactRecord:
    return replace(contact, id=f"{name}{SEPARATOR}{contact.id}")
