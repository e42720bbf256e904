"""Settings for the lint of migrations, on PostgreSQL."""

from __future__ import annotations

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import DATABASE_CHOICES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_migration_linter"]
DATABASES = {"default": DATABASE_CHOICES["postgresql"]}
