"""Export a person's data."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import databases
from ...exceptions import CRMError
from ...services.privacy import export
from ..data_subject import add_subject_arguments, get_subject


class Command(BaseCommand):
    help = (
        "Exports a person's data (GDPR, articles 15 and 20) to a ZIP file: data.json, recordings "
        "and files of messages. Only the file's owner can read it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_subject_arguments(parser)
        parser.add_argument(
            "--output", type=Path, required=True, metavar="FILE", help="ZIP file; must not exist"
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        path: Path = options["output"]
        try:
            backend, subject, user = get_subject(options)
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except (CRMError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        try:
            with file:
                entry = export.export_subject(backend, subject, file, user=user)
        except BaseException:
            path.unlink()
            raise
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in entry.details.items()))
