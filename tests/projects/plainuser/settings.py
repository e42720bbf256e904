"""A site without the admin, with a minimal user model."""

from __future__ import annotations

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import INSTALLED_APPS

INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if app != "django.contrib.admin"),
    "tests.projects.plainuser",
]
ROOT_URLCONF = "tests.projects.plainuser.urls"
AUTH_USER_MODEL = "plainuser.Operator"
LOGIN_URL = "/login/"
# All tables are created at once, without migrations: the app has none.
MIGRATION_MODULES = dict.fromkeys(
    ["auth", "contenttypes", "oauth2_provider", "ringotel_crm", "ringotel_minicrm"]
)
