"""Checks of ``DATABASE_ROUTERS``."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, register
from django.db import connections, router
from django.db.models import Model

from .site import TAG

# The apps whose tables are joined, with that of the users.
JOINED_APPS = ("ringotel_crm", "contenttypes", "auth", "oauth2_provider")


@register(TAG)
def check_routers(**kwargs: Any) -> list[CheckMessage]:
    """Check that the routers of the site, or ``"default"`` without any, name one database that
    exists for all tables that are joined, and allow relations between rows that were read from
    different databases.
    """
    models: list[type[Model]] = [get_user_model()]
    for app in filter(apps.is_installed, JOINED_APPS):
        models += apps.get_app_config(app).get_models()
    readers = {router.db_for_read(model): model for model in models}
    writers = {router.db_for_write(model): model for model in models}
    missing = [alias for alias in (readers | writers) if not _is_configured(alias)]
    if missing:
        model = (readers | writers)[missing[0]]
        return [
            Error(
                f"The database {missing[0]!r}, to which queries of {model._meta.label} are sent, "
                "is not configured.",
                hint='Configure DATABASES["default"], or return the alias of a database from '
                "db_for_read() and db_for_write() of a router in DATABASE_ROUTERS.",
                id="ringotel_crm.E050",
            )
        ]
    if len(writers) > 1:
        examples = [f"{model._meta.label} to {alias!r}" for alias, model in writers.items()]
        return [
            Error(
                "DATABASE_ROUTERS sends the writes of tables that are joined to several "
                f"databases: {', '.join(examples)}.",
                hint="Return the same database from db_for_write() for the apps "
                f"{', '.join(JOINED_APPS)}, and for the app of AUTH_USER_MODEL.",
                id="ringotel_crm.E051",
            )
        ]
    rows = [models[0](), models[0]()]
    for row, alias in zip(rows, (next(iter(readers)), next(iter(writers))), strict=True):
        row._state.db = alias
    if not router.allow_relation(*rows):
        return [
            Error(
                "DATABASE_ROUTERS forbids relations between rows of the databases that it sends "
                "reads and writes to.",
                hint="Return True from allow_relation() of a router for the databases that have "
                "the same rows.",
                id="ringotel_crm.E052",
            )
        ]
    return []


def _is_configured(alias: str) -> bool:
    return alias in connections and connections[alias].vendor != "unknown"
