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
        "Makes the lists of call subjects here (in the admin) and at Ringotel the same: whoever adds or removes one, "
        "does it for both."
    )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """First Ringotel, which may refuse, then here."""
        client = Ringotel()
        with checkpoints.exclusive(backend.tenant, "ringotel_sync_subjects"):
            theirs = client.get_activity_subjects()
            names = address_book.merge_subjects(backend, theirs)
            if names != theirs:
                client.set_activity_subjects(names)
            address_book.save_subjects(backend, names)
        self.stdout.write("\n".join(names))
