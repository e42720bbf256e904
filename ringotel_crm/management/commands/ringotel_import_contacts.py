"""``manage.py ringotel_import_contacts``."""

from __future__ import annotations

import csv
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from django.core.management.base import CommandError
from django.utils.module_loading import import_string
from tqdm import tqdm

from ...backends import Backend
from ...contact_files.fields import FIELD_LABELS
from ...contact_files.results import Outcome, RowResult, refused_header, refused_row
from ...contact_files.tables import UnreadableFile
from ...services.contacts.importing import ContactImporter
from ..account import AccountCommand

MAX_REASONS = 10
EPILOG = f"""\
The format, the encoding and the columns are recognized. Exports of Google Contacts, Outlook, Apple
Contacts, HubSpot, Salesforce and others are read as they are. Assign other columns with --map;
fields are:

  {", ".join(FIELD_LABELS)}

Examples:

  manage.py ringotel_import_contacts contacts.csv --dry-run
  manage.py ringotel_import_contacts customers.xlsx --map "Kunde=company" --map "Tel2=other_phone"
  manage.py ringotel_import_contacts contacts.vcf --refused refused.csv

A contact with the same name and a number or e-mail address in common is changed, not created again.
Correct the rows in the file of --refused, and import that file.
"""


class Command(AccountCommand):
    """Import a file of contacts into the CRM."""

    help = (
        "Import contacts from a CSV, XLSX or vCard file into the CRM. A row without a name, a "
        "phone number or an e-mail address is refused; the other rows are imported nevertheless."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and the options."""
        super().add_arguments(parser)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EPILOG
        parser.add_argument("file", metavar="FILE", help="the file to import")
        parser.add_argument("--dry-run", action="store_true", help="only report what would be done")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help='import a column as this field, or ignore it ("COLUMN="); may be repeated',
        )
        parser.add_argument(
            "--refused",
            metavar="FILE",
            help="write the refused rows with their reasons to this CSV file",
        )
        parser.add_argument(
            "--encoding", default="", help="the encoding of a CSV file, if it is not recognized"
        )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """Import the file and report the outcome."""
        if not backend.contacts.can_create:
            raise CommandError("This CRM does not accept new contacts.")
        try:
            with open(options["file"], "rb") as file:
                importer = self.importer(backend, file, options)
                self.map_columns(importer, options["map"])
                counts = self.import_rows(importer, options)
        except OSError as exc:
            raise CommandError(f"{exc.filename}: {exc.strerror}") from exc
        except UnreadableFile as exc:
            raise CommandError(f"{options['file']}: {exc}") from exc
        suffix = " (dry run, nothing was written)" if options["dry_run"] else ""
        self.stdout.write(", ".join(f"{one}: {counts[one]}" for one in Outcome) + suffix)
        if importer.can_undo and not options["dry_run"]:
            self.stdout.write("To undo this import, open it under Contacts › Import in the admin.")

    def importer(
        self, backend: Backend, file: BinaryIO, options: dict[str, Any]
    ) -> ContactImporter:
        """Return the importer that the contact directory names."""
        path = backend.contacts.importer
        try:
            importer_class = import_string(path) if path else ContactImporter
        except ImportError as exc:
            raise CommandError(f'{exc}. Run: pip install "ringotel-crm[import-export]"') from exc
        importer: ContactImporter = importer_class(
            backend,
            file,
            file_name=options["file"].rpartition("/")[2],
            encoding=options["encoding"],
        )
        return importer

    def map_columns(self, importer: ContactImporter, assignments: list[str]) -> None:
        """Apply ``--map``, and report the field of each column."""
        for assignment in assignments:
            column, separator, field = assignment.rpartition("=")
            indexes = [index for index, header in enumerate(importer.headers) if header == column]
            if not separator or (field and field not in FIELD_LABELS):
                raise CommandError(
                    f"--map {assignment}: write COLUMN=FIELD. Fields: {', '.join(FIELD_LABELS)}."
                )
            if not indexes:
                raise CommandError(
                    f"--map {assignment}: no such column. Columns: {', '.join(importer.headers)}."
                )
            for index in indexes:
                importer.fields[index] = field
        for index in sorted(importer.filled):
            self.stdout.write(
                f"  {importer.headers[index]}: {importer.fields[index] or '(ignored)'}"
            )
        if not importer.is_mapped:
            raise CommandError(
                "No column was recognized. Assign at least a name, a phone number or an e-mail "
                f"address with --map COLUMN=FIELD. Fields: {', '.join(FIELD_LABELS)}."
            )

    def import_rows(self, importer: ContactImporter, options: dict[str, Any]) -> Counter[Outcome]:
        """Import all rows with a progress bar; return the number of rows with each outcome."""
        counts: Counter[Outcome] = Counter()
        with refused_writer(options["refused"], importer.headers) as write_refused:
            rows = importer.run(dry_run=options["dry_run"])
            for row in tqdm(
                rows, total=importer.total, unit=" rows", disable=not sys.stderr.isatty()
            ):
                counts[row.outcome] += 1
                if row.outcome == Outcome.REFUSED:
                    write_refused(row)
                if (
                    row.messages
                    and row.outcome == Outcome.REFUSED
                    and counts[row.outcome] <= MAX_REASONS
                ):
                    self.stderr.write(f"Row {row.number} refused: {' '.join(row.messages)}")
        return counts


@contextmanager
def refused_writer(path: str | None, headers: list[str]) -> Iterator[Any]:
    """Return a function that writes a refused row to the CSV file at ``path``, if any."""
    if not path:
        yield lambda row: None
        return
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(refused_header(headers))

        def write(row: RowResult) -> None:
            writer.writerow(refused_row(row.cells, row.number, row.messages))

        yield write
