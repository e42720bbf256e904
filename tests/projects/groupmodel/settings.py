"""The standalone site with other users, groups and permissions."""

from __future__ import annotations

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.groupmodel"]
AUTH_USER_MODEL = "groupmodel.Account"
AUTHENTICATION_BACKENDS = ["tests.projects.groupmodel.permissions.GrantBackend"]
# All tables are created at once, without migrations: the app has none.
MIGRATION_MODULES = dict.fromkeys(
    ["admin", "auth", "contenttypes", "oauth2_provider", "ringotel_crm", "ringotel_minicrm"]
)
