"""Keep one list of call subjects."""

from __future__ import annotations

from typing import Any

from ringotel_crm.backends import Backend
from ringotel_crm.client import Ringotel
from ringotel_crm.management.account import AccountCommand
from ringotel_crm.services import directory, progress


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Makes the lists of call subjects here (in the admin) and at Ringotel the same: whoever adds or removes one, "
        "does it for both."
    )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """First Ringotel, which may refuse, then here."""
        client = Ringotel()
        with progress.alone(backend.scope, "ringotel_sync_subjects"):
            theirs = client.get_activity_subjects()
            names = directory.agree_on_subjects(backend, theirs)
            if names != theirs:
                client.set_activity_subjects(names)
            directory.keep_subjects(backend, names)
        self.stdout.write("\n".join(names))
