"""The databases of queries, on sites with ``DATABASE_ROUTERS``.

The tables of this app are written to one database. Django's routers may send reads to a replica of
it that lags behind. Lists and statistics may be read from there; what a request decides by, or has
just written, is read from the database that it is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.db import router, transaction
from django.db.models import Model

_is_fresh: ContextVar[bool] = ContextVar("ringotel_crm.databases", default=False)


class FreshReads:
    """A database router that sends the reads of a :func:`fresh_reads` block to the database that
    the model is written to, and leaves all others to the routers of the site.
    """

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """Return the database for a read, ``None`` outside of a block."""
        return router.db_for_write(model, **hints) if _is_fresh.get() else None


@contextmanager
def fresh_reads() -> Iterator[None]:
    """Read from the databases that are written to. Also a decorator, but not of generators."""
    token = _is_fresh.set(True)
    try:
        yield
    finally:
        _is_fresh.reset(token)


def write_alias() -> str:
    """Return the alias of the database that the tables of this app are written to."""
    return router.db_for_write(apps.get_model("ringotel_crm", "Activity"))


@contextmanager
def atomic(model: type[Model] | None = None) -> Iterator[None]:
    """Open a transaction, with fresh reads, on the database that ``model`` is written to; by
    default that of this app.
    """
    using = router.db_for_write(model) if model else write_alias()
    with fresh_reads(), transaction.atomic(using=using):
        yield


def on_commit(function: Callable[[], object], *, robust: bool = False) -> None:
    """Call ``function`` after the current transaction of this app's database commits, or
    immediately outside of one.
    """
    transaction.on_commit(function, using=write_alias(), robust=robust)


def install_router() -> None:
    """Put :class:`FreshReads` before the routers of the site, if it has any."""
    if router.routers:
        router.routers.insert(0, FreshReads())
