"""Propose which user of Ringotel is which of the CRM's."""

from __future__ import annotations

from typing import Any

from ...backends import Backend
from ...client import Ringotel
from ...services.sync import user_mapping
from ..account import AccountCommand


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Reads Ringotel's users and proposes who they are in the CRM, by e-mail address, else by extension. Confirm "
        "the proposals in the admin, under Ringotel users: they have no effect before."
    )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """Propose, and show it."""
        rows = user_mapping.propose_matches(backend, Ringotel().get_users())
        self.stdout.write(f"{'Ringotel':32}{'extension':12}{'CRM':32}{'matched by':12}")
        for row in rows:
            state = "confirmed" if row.confirmed else row.matched_by or "-"
            self.stdout.write(
                f"{row.name[:30]:32}{row.extension[:10]:12}{(row.agent_name or '-')[:30]:32}{state:12}".rstrip()
            )
