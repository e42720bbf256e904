"""Settings of a site with row-level security behind PgBouncer: the recipe for BottleCRM."""

from __future__ import annotations

import os

os.environ["RECIPE"] = "bottlecrm"

from tests.projects.recipes.settings import *  # noqa: F403
from tests.projects.recipes.settings import DATABASES

DATABASES["default"] |= {
    "PORT": os.environ.get("PGBOUNCER_PORT", os.environ["PGPORT"]),
    "CONN_MAX_AGE": 0 if os.environ.get("SERVER") == "asgi" else 600,
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "TEST": {"NAME": os.environ["DATABASE_NAME"]},
}
# The models of the recipe have no migrations, and refer to tables that others create.
MIGRATION_MODULES = dict.fromkeys(
    ("admin", "auth", "contenttypes", "ringotel_crm", "sessions"), None
)
ROOT_URLCONF = "tests.scale.sites.tenant_urls"
