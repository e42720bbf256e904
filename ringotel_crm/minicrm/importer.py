"""Import files into the mini-CRM from a command, as the admin does."""

from __future__ import annotations

from collections.abc import Iterator

from ..contact_files.results import Outcome, RowResult
from ..services.contacts.importing import ContactImporter
from . import jobs


class MiniCRMImporter(ContactImporter):
    """Import all kinds of numbers, in batches; the import is listed in the admin, and can be undone there."""

    can_undo = True

    def _read(self, file_name: str) -> None:
        self.job = jobs.start(
            self.file, file_name=file_name, user=self.backend.actor.user, encoding=self.encoding
        )
        self.headers, self.fields = self.job.headers, self.job.fields
        self.filled, self.total = self.job.filled, self.job.total

    def run(self, *, dry_run: bool = False) -> Iterator[RowResult]:
        """Import the rows, or only check them, and yield the result of each."""
        jobs.set_fields(self.job, self.fields)
        if not dry_run:
            jobs.confirm(self.job)
        for reports in jobs.steps(self.job):
            for report in reports:
                yield RowResult(
                    number=report.number,
                    outcome=Outcome(report.outcome),
                    label=report.label,
                    messages=report.messages,
                    cells=report.cells,
                )
        if dry_run:
            jobs.discard(self.job)
