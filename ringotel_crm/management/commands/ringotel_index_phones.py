"""Synchronize the phone index with the mapped models."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ... import databases
from ...backends import get_backend_class
from ...backends.model_rows import parse_id
from ...exceptions import InvalidInput
from ...services.contacts import phone_index
from ...services.sync import checkpoints


def do_nothing() -> None:
    """Renew no lease."""


class Command(BaseCommand):
    help = (
        "Synchronizes the phone index with the models that the backend maps. Run it once after "
        "installation, and after changes that send no signals: bulk_create(), update(), SQL, or "
        "another DEFAULT_REGION. Works in small transactions while the site is running; can be "
        "interrupted and resumed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit with 1 if anything differs"
        )
        parser.add_argument("--model", metavar="APP.MODEL", help="only the numbers of this model")
        parser.add_argument(
            "--after", metavar="ID", default="", help="with --model: resume after this primary key"
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        mapped = phone_index.mapped_directories(get_backend_class())
        chosen = self.choose(mapped, options["model"])
        self.require_all_rows(mapped if not options["model"] else chosen)
        if options["after"] and (len(chosen) > 1 or parse_id(chosen[0], options["after"]) is None):
            raise CommandError("--after: enter the primary key of a row of --model.")
        dry = options["check"]
        try:
            if dry:
                rows, missing, surplus = self.work(mapped, chosen, options)
            else:
                with checkpoints.exclusive("", "ringotel_index_phones") as renew_lease:
                    rows, missing, surplus = self.work(mapped, chosen, options, renew_lease)
        except InvalidInput as exc:
            raise CommandError(exc.message) from exc
        summary = f"{rows} rows; {missing} entries were missing, {surplus} were obsolete."
        if dry and (missing or surplus):
            raise CommandError(f"{summary} Run this command without --check.")
        self.stdout.write(summary)

    def work(
        self,
        mapped: list[phone_index.Mapped],
        chosen: list[phone_index.Mapped],
        options: dict[str, Any],
        renew_lease: Callable[[], None] = do_nothing,
    ) -> tuple[int, int, int]:
        """Synchronize ``chosen``. Return the number of rows, missing and obsolete entries."""
        dry = options["check"]
        rows = missing = surplus = 0
        for directory in chosen:
            counts = self.synchronize(directory, options["after"], dry, renew_lease)
            rows, missing, surplus = rows + counts[0], missing + counts[1], surplus + counts[2]
        if not options["model"]:
            for _checked, removed in phone_index.prune(mapped, dry=dry):
                surplus += removed
                renew_lease()
        return rows, missing, surplus

    def require_all_rows(self, directories: list[phone_index.Mapped]) -> None:
        """Raise ``CommandError`` if row-level security may hide rows, whose entries would be
        deleted.
        """
        if tables := phone_index.restricted_tables(directories):
            raise CommandError(
                "Row-level security hides rows of these tables from the database role: "
                f"{', '.join(tables)}. Their entries would be deleted. Run this command as a role "
                "with BYPASSRLS."
            )

    def choose(
        self, mapped: list[phone_index.Mapped], label: str | None
    ) -> list[phone_index.Mapped]:
        """Return the directories of ``label``. Raises ``CommandError`` if it has none."""
        if not mapped:
            raise CommandError("The backend maps no model with phone numbers.")
        chosen = [
            directory
            for directory in mapped
            if label in (None, directory.model._meta.label, directory.model._meta.label_lower)
        ]
        if not chosen:
            labels = ", ".join(directory.model._meta.label for directory in mapped)
            raise CommandError(f"--model: must be one of {labels}.")
        return chosen

    def synchronize(
        self,
        directory: phone_index.Mapped,
        after: str,
        dry: bool,
        renew_lease: Callable[[], None],
    ) -> tuple[int, int, int]:
        """Synchronize one model. Return the number of rows, missing and obsolete entries."""
        label = directory.model._meta.label
        rows = missing = surplus = 0
        total = directory.all_rows().count()
        with tqdm(total=total, desc=label, unit=" rows", disable=None) as bar:
            try:
                for batch in phone_index.rebuild(directory, after=after, dry=dry):
                    after = batch[0]
                    rows, missing, surplus = rows + batch[1], missing + batch[2], surplus + batch[3]
                    bar.update(batch[1])
                    renew_lease()
            except BaseException:
                position = f" --model {label} --after {after}" if after else ""
                self.stderr.write(f"Resume with: manage.py ringotel_index_phones{position}")
                raise
        return rows, missing, surplus
