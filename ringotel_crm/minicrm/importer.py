"""Import files into the mini-CRM from a command, as the admin does."""

from __future__ import annotations

from collections.abc import Iterator

from ..contact_files.results import Outcome, RowResult
from ..contact_files.tables import Table
from ..services.contacts.importing import ContactImporter
from . import jobs


class MiniCRMImporter(ContactImporter):
    """Import all kinds of numbers, in batches; the admin lists the import, and can undo it."""

    can_undo = True

    def recognize(self, table: Table) -> list[str]:
        """Return the field of each column, also of those that a person mapped in the admin."""
        return jobs.recognize(table)

    def run(self, *, dry_run: bool = False) -> Iterator[RowResult]:
        """Import the rows, or only check them, and yield the result of each."""
        user = self.backend.actor.user
        job = jobs.start(
            self.file,
            file_name=self.file_name,
            user=user,
            encoding=self.encoding,
            fields=self.fields,
        )
        if not dry_run:
            jobs.confirm(job)
        for reports in jobs.steps(job):
            for report in reports:
                yield RowResult(
                    number=report.number,
                    outcome=Outcome(report.outcome),
                    label=report.label,
                    messages=report.messages,
                    cells=report.cells,
                )
        if dry_run:
            jobs.discard(job)
