"""Export a person."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...exceptions import CRMError
from ...services.privacy import export
from ..data_subject import add_subject_arguments, get_subject


class Command(BaseCommand):
    """See ``help``."""

    help = "Write everything that is held about a person into one ZIP file, recordings included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        add_subject_arguments(parser)
        parser.add_argument(
            "--output",
            type=Path,
            required=True,
            metavar="FILE",
            help="the ZIP file; must not exist",
        )

    def handle(self, **options: Any) -> None:
        """Write the file, readable by its owner alone; if that fails, leave none."""
        path: Path = options["output"]
        try:
            backend, person, user = get_subject(options)
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except (CRMError, OSError) as error:
            raise CommandError(str(error)) from error
        try:
            with file:
                counts = export.export_subject(backend, person, file, user=user)
        except BaseException:
            path.unlink()
            raise
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in counts.items()))
