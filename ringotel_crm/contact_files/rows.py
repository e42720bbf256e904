"""Turn the cells of a row into a contact."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from .. import phone
from . import cells as cell_values
from .cells import DamagedNumber
from .headers import kind_from_label, label_columns

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(kw_only=True)
class ContactRow:
    """A contact as a row of a file describes it; ``""`` where the row has no value.

    ``errors`` are the reasons not to import the row, ``warnings`` list what is left out.
    """

    number: int
    own_id: str = ""
    first_name: str = ""
    last_name: str = ""
    job_title: str = ""
    email: str = ""
    company: str = ""
    phones: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def label(self) -> str:
        """What to call the row in a list."""
        return (
            self.name
            or self.company
            or self.email
            or next((text for texts in self.phones.values() for text in texts), "")
        )


class RowReader:
    """Reads the rows of one file. ``fields`` has the field of each column, ``""`` for ignored ones.

    ``own_id_column`` is the index of the column with our ids in a file that we exported, else -1.
    In such a file a damaged number is no error: the stored one is kept.
    """

    def __init__(
        self, headers: Sequence[str], fields: Sequence[str], own_id_column: int = -1
    ) -> None:
        self.fields = list(fields)
        self.labels = label_columns(headers, fields)
        self.own_id_column = own_id_column

    def read(self, number: int, cells: Sequence[str]) -> ContactRow:
        """Return the contact in this row."""
        row = ContactRow(number=number)
        is_own = self.own_id_column >= 0
        if is_own:
            row.own_id = cell_values.clean(cells[self.own_id_column])
        texts: dict[str, str] = {}
        emails: list[str] = []
        for index, (name, cell) in enumerate(zip(self.fields, cells, strict=True)):
            text = cell_values.clean(cell) if name else ""
            if not text:
                continue
            if is_own:
                text = cell_values.unescape_formula(text)
            if name == "email":
                emails.append(text)
            elif name.endswith("_phone"):
                kind = name.removesuffix("_phone")
                if index in self.labels:
                    kind = (
                        kind_from_label(cells[self.labels[index]])
                        if cells[self.labels[index]].strip()
                        else kind
                    )
                self._add_phones(row, kind, text, is_own=is_own)
            elif name != "phone_label":
                texts.setdefault(name, text if is_own else " ".join(text.split()))
        self._set_names(row, texts)
        self._set_email(row, emails)
        if not (row.errors or row.name or row.email or row.phones):
            row.errors.append(_("No name, phone number or e-mail address."))
        return row

    def _add_phones(self, row: ContactRow, kind: str, text: str, *, is_own: bool) -> None:
        try:
            numbers = cell_values.split_numbers(
                text if is_own else cell_values.strip_text_marks(text)
            )
        except DamagedNumber as exc:
            (row.warnings if is_own else row.errors).append(str(exc))
            return
        known = {text for texts in row.phones.values() for text in texts}
        for number in numbers:
            if number not in known:
                row.phones.setdefault(kind, []).append(number)
            if not phone.numbers(number):
                row.warnings.append(
                    _("“%(text)s” is no phone number; it is kept as text.") % {"text": number}
                )

    def _set_names(self, row: ContactRow, texts: dict[str, str]) -> None:
        first, last = texts.get("first_name", ""), texts.get("last_name", "")
        name = texts.get("name", "")
        # Products fill the display name with the company, the address or the number.
        is_name = name != texts.get("company") and "@" not in name and _LETTER.search(name)
        if is_name and not (first or last):
            last, comma, first = name.partition(", ")
            if not comma:
                first, _space, last = name.partition(" ")
        row.first_name = f"{first} {texts.get('middle_name', '')}".strip()
        row.last_name = last
        row.company = texts.get("company", "")
        row.job_title = texts.get("job_title", "")

    def _set_email(self, row: ContactRow, texts: list[str]) -> None:
        """Keep the first valid address, for which the contact has one field."""
        valid, invalid = [], []
        for text in texts:
            if cell_values.is_exchange_address(text):
                row.warnings.append(
                    _("“%(text)s” is no e-mail address; it is left out.") % {"text": text}
                )
                continue
            good, bad = cell_values.split_emails(text)
            valid += good
            invalid += bad
        if valid:
            row.email = valid[0].lower()
            left_out = [
                text for text in dict.fromkeys([*valid[1:], *invalid]) if text.lower() != row.email
            ]
            if left_out:
                row.warnings.append(
                    _("Further e-mail addresses are left out: %(texts)s")
                    % {"texts": ", ".join(left_out)}
                )
        elif invalid:
            row.errors.append(
                _("Enter a valid e-mail address instead of “%(text)s”.") % {"text": invalid[0]}
            )
