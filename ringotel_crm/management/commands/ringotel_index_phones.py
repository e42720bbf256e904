"""``manage.py ringotel_index_phones``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ...backends import get_backend_class
from ...services.contacts import phone_index


class Command(BaseCommand):
    """Bring the index of numbers up to date, or say whether it is."""

    help = (
        "Bring the index of telephone numbers up to date with the tables that the backend maps. Needed once after "
        "installation, and after whatever sends no signals: bulk_create(), update(), SQL, a new DEFAULT_REGION. "
        "Works in small transactions while the site is up; may be interrupted and begun again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit with 1 if anything differs"
        )
        parser.add_argument("--model", metavar="APP.MODEL", help="only the numbers of this model")
        parser.add_argument(
            "--after", metavar="ID", default="", help="with --model: go on behind this primary key"
        )

    def handle(self, **options: Any) -> None:
        """Each table, then the entries of rows that are gone."""
        everything = phone_index.mapped_directories(get_backend_class())
        chosen = [
            d
            for d in everything
            if options["model"] in (None, d.model._meta.label, d.model._meta.label_lower)
        ]
        if not chosen:
            raise CommandError(
                "No mapped directory has numbers to index."
                if not everything
                else "--model: not mapped."
            )
        if options["after"] and (len(chosen) > 1 or chosen[0].parse_id(options["after"]) is None):
            raise CommandError("--after: the primary key of a row of --model is expected.")
        dry = options["check"]
        rows = missing = surplus = 0
        for directory in chosen:
            done, lacked, exceeded = self.go_through(directory, options["after"], dry)
            rows, missing, surplus = rows + done, missing + lacked, surplus + exceeded
        if not options["model"]:
            removed = sum(gone for _looked_at, gone in phone_index.prune(everything, dry=dry))
            surplus += removed
        counts = f"{rows} rows; {missing} numbers were missing, {surplus} too many."
        if dry and (missing or surplus):
            raise CommandError(f"{counts} Run this command without --check.")
        self.stdout.write(counts)

    def go_through(
        self, directory: phone_index.Mapped, after: str, dry: bool
    ) -> tuple[int, int, int]:
        """One table, with a progress bar; if it is interrupted, says how to go on."""
        label = directory.model._meta.label
        rows = missing = surplus = 0
        with tqdm(
            total=directory.all_rows().count(), desc=label, unit=" rows", disable=None
        ) as bar:
            try:
                for last, count, lacked, exceeded in phone_index.rebuild(
                    directory, after=after, dry=dry
                ):
                    after = last
                    rows, missing, surplus = rows + count, missing + lacked, surplus + exceeded
                    bar.update(count)
            except BaseException:
                again = f" --model {label} --after {after}" if after else ""
                self.stderr.write(f"Go on with: manage.py ringotel_index_phones{again}")
                raise
        return rows, missing, surplus
