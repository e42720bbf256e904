"""Settings of the set-up "pooler": all connections pass through PgBouncer."""

from __future__ import annotations

import os

from tests.scale.sites.commands import *  # noqa: F403
from tests.scale.sites.commands import DATABASES

# docs/scale.rst shows what follows.
DATABASES["default"] |= {
    "PORT": os.environ.get("PGBOUNCER_PORT", "6432"),
    "CONN_MAX_AGE": 600,
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
# docs/scale.rst shows what precedes.
if "SERVER_SIDE_CURSORS" in os.environ:
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = False
