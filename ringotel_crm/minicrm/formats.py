"""The formats of exported contacts, for django-import-export."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from import_export.formats import base_formats
from tablib import Dataset

from .. import phone
from ..contact_files import vcards
from ..contact_files.cells import SEPARATOR, escape_formula

BOM = "\ufeff"  # without it, Excel reads UTF-8 as the code page of the computer


def escaped(dataset: Dataset) -> Dataset:
    """Return a copy whose cells no spreadsheet runs as formulas."""
    rows = ([escape_formula("" if cell is None else str(cell)) for cell in row] for row in dataset)
    return Dataset(*rows, headers=dataset.headers)


class ContactCSV(base_formats.CSV):  # type: ignore[misc]
    """CSV for spreadsheets, and for importing it again."""

    def get_title(self) -> Any:
        """Return the name in the form."""
        return _("CSV (UTF-8)")

    def export_data(self, dataset: Dataset, **kwargs: Any) -> str:
        """Return the text of the file."""
        return BOM + str(escaped(dataset).export("csv"))


class ContactXLSX(base_formats.XLSX):  # type: ignore[misc]
    """XLSX. Cells are text, so leading zeros stay."""

    def get_title(self) -> Any:
        """Return the name in the form."""
        return _("Excel (XLSX)")

    def export_data(self, dataset: Dataset, **kwargs: Any) -> bytes:
        """Return the bytes of the file."""
        return bytes(escaped(dataset).export("xlsx"))


class VCard(base_formats.Format):  # type: ignore[misc]
    """One vCard 3.0 for each contact."""

    def get_title(self) -> Any:
        """Return the name in the form."""
        return _("vCard (Apple, Google, phones)")

    def get_extension(self) -> str:
        """Return the extension of the file."""
        return "vcf"

    def get_content_type(self) -> str:
        """Return the MIME type."""
        return "text/vcard; charset=utf-8"

    def can_export(self) -> bool:
        """Return whether the format can be chosen."""
        return True

    def export_data(self, dataset: Dataset, **kwargs: Any) -> bytes:
        """Return the bytes of the file."""
        return "".join(vcards.write(dataset.dict)).encode()


class RingotelCSV(VCard):
    """The CSV that Ringotel's portal imports; a heading is repeated for each further number.

    Numbers are in E.164; texts that are no numbers are left out.
    """

    HEADINGS = {"mobile": ("mobile",), "phone": ("work", "home", "other"), "fax": ("fax",)}

    def get_title(self) -> Any:
        """Return the name in the form."""
        return _("CSV for Ringotel's portal")

    def get_extension(self) -> str:
        """Return the extension of the file."""
        return "csv"

    def get_content_type(self) -> str:
        """Return the MIME type."""
        return "text/csv; charset=utf-8"

    def export_data(self, dataset: Dataset, **kwargs: Any) -> bytes:
        """Return the bytes of the file."""
        contacts = [(row, self._numbers(row)) for row in dataset.dict]
        widths = {
            name: max((len(numbers[name]) for _row, numbers in contacts), default=0)
            for name in self.HEADINGS
        }
        output = io.StringIO(newline="")
        writer = csv.writer(output)
        repeated = [name for name, width in widths.items() for _number in range(width)]
        writer.writerow(["firstname", "lastname", *repeated, "organization", "position", "email"])
        for row, numbers in contacts:
            cells = [
                cell
                for name, width in widths.items()
                for cell in self._padded(numbers[name], width)
            ]
            writer.writerow(
                map(
                    escape_formula,
                    [*self._names(row), *cells, row["company"], row["job_title"], row["email"]],
                )
            )
        return output.getvalue().encode()

    def _numbers(self, row: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the E.164 numbers under each heading."""
        found: dict[str, list[str]] = {}
        for heading, kinds in self.HEADINGS.items():
            texts = [text for kind in kinds for text in row[f"{kind}_phone"].split(SEPARATOR)]
            found[heading] = list(
                dict.fromkeys(number.e164 for text in texts for number in phone.numbers(text))
            )
        return found

    def _names(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Return first and last name; the company or address replaces a missing name."""
        if row["first_name"] or row["last_name"]:
            return row["first_name"], row["last_name"]
        return row["company"] or row["email"], ""

    def _padded(self, numbers: list[str], width: int) -> list[str]:
        return numbers + [""] * (width - len(numbers))
