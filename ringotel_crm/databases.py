"""The databases of queries, on sites with ``DATABASE_ROUTERS``.

The tables of this app are written to one database. Django's routers may send reads to a replica of
it that lags behind. Lists and statistics may be read from there; what a request decides by, or has
just written, is read from the database that it is written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.apps import apps
from django.db import connections, router, transaction
from django.db.models import Model, QuerySet

# Rows of a query of by_primary_key().
PAGE = 1000

Row = TypeVar("Row", bound=Model)
Value = TypeVar("Value")
View = TypeVar("View", bound=Callable[..., Any])

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


def non_atomic_requests(view: View) -> View:
    """Exempt a view from ``ATOMIC_REQUESTS`` of every database: Django's decorator exempts it from
    one only.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def by_primary_key(rows: QuerySet[Row, Any], *, latest_first: bool = False) -> Iterator[Row]:
    """Yield all ``rows`` by primary key, with a query for each :data:`PAGE`.

    Unlike ``iterator()``, no cursor has to stay open, which a pooler in transaction mode does not
    keep, and without server-side cursors, not all rows are read into memory. All pages are read
    from the same database, also those that a response reads after its view has returned.
    """
    return _read_pages(rows.using(rows.db), latest_first=latest_first)


def _read_pages(rows: QuerySet[Row, Any], *, latest_first: bool) -> Iterator[Row]:
    rows = rows.order_by("-pk" if latest_first else "pk")
    page = list(rows[:PAGE])
    while page:
        yield from page
        following = {"pk__lt" if latest_first else "pk__gt": page[-1].pk}
        page = list(rows.filter(**following)[:PAGE]) if len(page) == PAGE else []


def pages(rows: QuerySet[Row]) -> Iterator[QuerySet[Row]]:
    """Yield all ``rows`` by primary key, in querysets of up to :data:`PAGE` rows.

    The conditions run once, for the primary keys, which are all in memory. Use it instead of
    :func:`by_primary_key` for conditions that would be slow to repeat for each page.
    """
    pks = sorted(rows.order_by().values_list("pk", flat=True))
    for page in batches(pks, PAGE):
        yield rows.model._default_manager.filter(pk__in=page).order_by("pk")


def batches(values: Sequence[Value], size: int) -> Iterator[Sequence[Value]]:
    """Yield ``values`` in parts of at most ``size``, for short queries and transactions."""
    return (values[start : start + size] for start in range(0, len(values), size))


def release_connections() -> None:
    """Return connections to their pool, as Django does at the end of a request: while a response
    is sent, it needs none. Persistent connections stay with their thread.
    """
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["CONN_MAX_AGE"] == 0 and not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def install_router() -> None:
    """Put :class:`FreshReads` before the routers of the site, if it has any."""
    if router.routers:
        router.routers.insert(0, FreshReads())
