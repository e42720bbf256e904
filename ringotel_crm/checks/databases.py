"""Checks of ``DATABASE_ROUTERS``."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.checks import CheckMessage, Error, register
from django.db import connections, router
from django.db.models import Model

from .site import TAG


@register(TAG)
def check_routers(**kwargs: Any) -> list[CheckMessage]:
    """Check that the routers of the site name one database that exists for all tables that are
    joined, and allow relations between rows that were read from different databases.
    """
    if not router.routers:
        return []
    own = list(apps.get_app_config("ringotel_crm").get_models())
    written: dict[str, list[type[Model]]] = {}
    models: list[type[Model]] = [*own, get_user_model(), ContentType]
    for model in models:
        written.setdefault(router.db_for_write(model), []).append(model)
    if missing := [alias for alias in written if not _is_configured(alias)]:
        return [
            Error(
                f"The database {missing[0]!r}, to which DATABASE_ROUTERS sends writes of "
                f"{written[missing[0]][0]._meta.label}, is not configured.",
                hint="Return the alias of a database from db_for_write() and db_for_read() of a "
                'router, or configure DATABASES["default"].',
                id="ringotel_crm.E050",
            )
        ]
    if len(written) > 1:
        examples = [f"{models[0]._meta.label} to {alias!r}" for alias, models in written.items()]
        return [
            Error(
                "DATABASE_ROUTERS sends the writes of tables that are joined to several "
                f"databases: {', '.join(examples)}.",
                hint="Return the same database from db_for_write() for the apps ringotel_crm and "
                "contenttypes, and for the app of AUTH_USER_MODEL.",
                id="ringotel_crm.E051",
            )
        ]
    return _check_reads(own[0], next(iter(written)))


def _check_reads(model: type[Model], writer: str) -> list[CheckMessage]:
    reader = router.db_for_read(model)
    if not _is_configured(reader):
        return [
            Error(
                f"The database {reader!r}, to which DATABASE_ROUTERS sends reads of "
                f"{model._meta.label}, is not configured.",
                hint="Return the alias of a database from db_for_read() of a router.",
                id="ringotel_crm.E050",
            )
        ]
    from_reader, from_writer = model(), model()
    from_reader._state.db, from_writer._state.db = reader, writer
    if not router.allow_relation(from_reader, from_writer):
        return [
            Error(
                f"DATABASE_ROUTERS forbids relations between rows of {reader!r} and {writer!r}.",
                hint="Return True from allow_relation() of a router for the databases that have "
                "the same rows.",
                id="ringotel_crm.E052",
            )
        ]
    return []


def _is_configured(alias: str) -> bool:
    return alias in connections and connections[alias].vendor != "unknown"
