"""Keep one list of call subjects."""

from __future__ import annotations

from typing import Any

from ...backends import Backend
from ...client import Ringotel
from ...services.sync import address_book, checkpoints
from ..account import AccountCommand


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Make the lists of call subjects in the admin and in Ringotel the same: a subject that is "
        "added or removed on one side is added or removed on the other."
    )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        client = Ringotel()
        with checkpoints.exclusive(backend.tenant, "ringotel_sync_subjects"):
            theirs = client.get_activity_subjects()
            names = address_book.merge_subjects(backend, theirs)
            # Ringotel first: it may refuse.
            if names != theirs:
                client.set_activity_subjects(names)
            address_book.save_subjects(backend, names)
        self.stdout.write("\n".join(names))
