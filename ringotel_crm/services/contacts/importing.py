"""Import the contacts of a file through the contact directory of any backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.utils.translation import gettext as _

from ... import databases, phone
from ...backends import Backend
from ...contact_files import headers
from ...contact_files.cells import clean
from ...contact_files.results import Outcome, RowResult
from ...contact_files.rows import ContactRow, RowReader
from ...contact_files.tables import Table, open_table
from ...exceptions import CRMError
from ...records import ContactInput, ContactRecord
from .write import create_contact

_PHONE_KINDS = ("work", "home", "other")

State = tuple[ContactRecord, frozenset[str]]  # a contact without its times, and its E.164 numbers


class ContactImporter:
    """Import one file. ``fields`` has the field of each column and may be changed before ``run``.

    Contacts are created, and filled in, one by one with :func:`~.contacts.create_contact`. Raises
    ``UnreadableFile``.
    """

    # Whether an import can be undone in the admin.
    can_undo = False

    def __init__(
        self, backend: Backend, file: BinaryIO, *, file_name: str, encoding: str = ""
    ) -> None:
        self.backend = backend
        self.file = file
        self.file_name = file_name
        self.encoding = encoding
        table = self._open()
        self.headers = table.headers
        self.fields = self.recognize(table)
        # The indexes of the columns that have values.
        self.filled: set[int] = set()
        self.total = 0
        for _number, cells in table.rows:
            self.total += 1
            self.filled |= {
                index
                for index, cell in enumerate(cells)
                if index not in self.filled and clean(cell)
            }

    def recognize(self, table: Table) -> list[str]:
        """Return the field of each column."""
        return table.fields or headers.recognize(table.headers)

    @property
    def is_mapped(self) -> bool:
        """Whether any column holds a name, a number or an address."""
        return headers.is_mapped(self.fields)

    def run(self, *, dry_run: bool = False) -> Iterator[RowResult]:
        """Import the rows, or only report what would be done, and yield the result of each."""
        reader = RowReader(self.headers, self.fields)
        for number, cells in self._open().rows:
            row = reader.read(number, cells)
            result = RowResult(number=number, label=row.label, outcome=Outcome.REFUSED, cells=cells)
            try:
                if not row.errors:
                    result.outcome = self._import(row, dry_run=dry_run)
            except CRMError as exc:
                details = (str(text) for texts in exc.fields.values() for text in texts)
                row.errors += [exc.message, *details]
            except ValidationError as exc:
                row.errors += exc.messages
            except DatabaseError as exc:
                row.errors.append(_("The database refuses this row: %(error)s") % {"error": exc})
            result.messages = row.errors or row.warnings
            yield result

    def _open(self) -> Table:
        return open_table(self.file, encoding=self.encoding)

    def _import(self, row: ContactRow, *, dry_run: bool) -> Outcome:
        draft, further = _split(row)
        numbers = [
            number.e164 for text in (draft.phone, draft.mobile) for number in phone.numbers(text)
        ]
        same = self.backend.contacts.find_existing(draft, numbers)
        before = self._state(same) if same else None
        if dry_run:
            return _planned(draft, further, before)
        with databases.atomic():
            contact = create_contact(self.backend, draft)
            held = self.backend.contacts.numbers(contact.id)
            for text in further:
                if not {number.e164 for number in phone.numbers(text)} & {*held}:
                    self.backend.contacts.add_number(contact.id, text)
        if before is None:
            return Outcome.CREATED
        return Outcome.UNCHANGED if self._state(contact) == before else Outcome.CHANGED

    def _state(self, contact: ContactRecord) -> State:
        current = self.backend.contacts.get(contact.id) or contact
        numbers = frozenset(self.backend.contacts.numbers(contact.id))
        return replace(current, created_at=None, updated_at=None), numbers


def _split(row: ContactRow) -> tuple[ContactInput, list[str]]:
    """Return the contact with its first phone and mobile, and its further numbers but fax."""
    phones = [text for kind in _PHONE_KINDS for text in row.phones.get(kind, ())]
    mobiles = row.phones.get("mobile", [])
    if "fax" in row.phones:
        row.warnings.append(
            _("Fax numbers are left out: %(numbers)s") % {"numbers": ", ".join(row.phones["fax"])}
        )
    draft = ContactInput(
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        phone=next(iter(phones), ""),
        mobile=next(iter(mobiles), ""),
        company_name=row.company,
        job_title=row.job_title,
    )
    return draft, [*phones[1:], *mobiles[1:]]


def _planned(draft: ContactInput, further: list[str], before: State | None) -> Outcome:
    """Return what :func:`~.contacts.create_contact` would do."""
    if before is None:
        return Outcome.CREATED
    contact, held = before
    texts = ("first_name", "last_name", "email", "company_name", "job_title")
    is_missing = any(getattr(draft, name) and not getattr(contact, name) for name in texts)
    numbers = {
        number.e164
        for text in (draft.phone, draft.mobile, *further)
        for number in phone.numbers(text)
    }
    return Outcome.CHANGED if is_missing or numbers - held else Outcome.UNCHANGED
