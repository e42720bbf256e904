"""Queries of the call path, compiled once.

Django builds and compiles a queryset anew each time it is asked, which costs more than a database takes to find one
row by an index. While a phone is ringing the same few queries are asked again and again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.sql import Query, UpdateQuery

Value = str | int | dt.datetime | None


def fetch(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """All of ``rows``, which are ``values_list()``, as the driver gives them: so choose columns with text, integers and
    booleans. Half the time of a list of the queryset. Raises ``EmptyResultSet`` where Django would not ask at all."""
    sql, params = rows.query.get_compiler(rows.db).as_sql()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def update(rows: QuerySet[Any, Any], **values: Any) -> Query:
    """``rows.update(**values)`` that is still to be done, for :class:`PreparedQuery`."""
    query: Any = rows.order_by().query.chain(UpdateQuery)
    query.add_update_values(values)
    return query  # type: ignore[no-any-return]


class CompiledQuery:
    """A queryset or an :func:`update` with places for values: ``rows()`` or ``change()`` fills them in.

    ``build`` is called with as many values as these, and compares each of them with a column of its type, or sets that.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any] | Query]) -> None:
        self.build = build
        self.compiled: dict[tuple[Any, ...], tuple[str, list[Any]]] = {}

    def rows(self, using: str, *values: Value, variant: Any = None) -> list[tuple[Any, ...]]:
        """The rows for these values, from the database ``using``: tuples as the driver gives them, so choose columns
        with text, integers and booleans. ``variant``: whatever else ``build`` depends on."""
        with connections[using].cursor() as cursor:
            cursor.execute(*self.statement(using, *values, variant=variant))
            return list(cursor.fetchall())

    def change(self, using: str, *values: Value) -> int:
        """How many rows were changed in the database ``using``."""
        with connections[using].cursor() as cursor:
            cursor.execute(*self.statement(using, *values))
            return int(cursor.rowcount)

    def statement(self, using: str, *values: Value, variant: Any = None) -> tuple[str, list[Any]]:
        """The SQL and its parameters, for ``Manager.raw()``."""
        key = (using, variant, *map(type, values))
        if key not in self.compiled:
            self.compiled[key] = self._compile(using, values)
        sql, places = self.compiled[key]
        adapted = [_adapt(value, using) for value in values]
        return sql, [
            adapted[place.index] if isinstance(place, _Parameter) else place for place in places
        ]

    def _compile(self, using: str, values: tuple[Value, ...]) -> tuple[str, list[Any]]:
        """SQL, and its parameters with places among them."""
        marks = [_sentinel(index, type(value)) for index, value in enumerate(values)]
        built = self.build(*marks)
        query = built if isinstance(built, Query) else built.query
        sql, params = query.get_compiler(using).as_sql()
        adapted = [_adapt(mark, using) for mark in marks]
        return sql, [
            _Parameter(adapted.index(param)) if param in adapted else param for param in params
        ]


class _Parameter:
    """Where the value with this index goes."""

    def __init__(self, index: int) -> None:
        self.index = index


def _sentinel(index: int, kind: type[Any]) -> Value:
    """A value that nothing else in a query is. None has no place: other SQL is made for it."""
    if issubclass(kind, int):
        return 2_000_000_000 + index
    if issubclass(kind, str):
        return f"value {index}"
    return (
        dt.datetime(1970, 1, 1, second=index, tzinfo=dt.UTC)
        if issubclass(kind, dt.datetime)
        else None
    )


def _adapt(value: Value, using: str) -> Any:
    """As the database's driver takes it."""
    return (
        connections[using].ops.adapt_datetimefield_value(value)
        if isinstance(value, dt.datetime)
        else value
    )
