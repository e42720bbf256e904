"""Queries of the call path, compiled to SQL once.

Building and compiling a queryset takes Django longer than finding one row by an index takes the
database, and the call path runs the same few queries for every call.
"""

from __future__ import annotations

import datetime as dt
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import QuerySet
from django.db.models.sql import Query, UpdateQuery

Value = str | int | dt.datetime | None


def fetch(rows: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """Return all ``rows``, a ``values_list()``, as the database driver returns them, in half the
    time of ``list(rows)``.

    Select text, integers and booleans only: other columns are not converted. Raises
    ``EmptyResultSet`` where Django would not run a query.
    """
    sql, params = rows.query.get_compiler(rows.db).as_sql()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def update(rows: QuerySet[Any, Any], **values: Any) -> Query:
    """Return the query of ``rows.update(**values)``, not run yet, for :class:`CompiledQuery`."""
    query: Any = rows.order_by().query.chain(UpdateQuery)
    query.add_update_values(values)
    return query  # type: ignore[no-any-return]


class CompiledQuery:
    """A queryset or an :func:`update` that is compiled on first use; later uses only fill in the
    parameters.

    ``build`` takes the values of the query and returns the queryset. Example::

        by_digest = CompiledQuery(
            lambda digest, now: ApiKey.objects.order_by()
            .filter(digest=digest, expires_at__gt=now)
            .values_list("pk", "tenant")
        )

    The first ``by_digest.rows("default", "5e88", now)`` calls ``build`` with a marker for each
    value, and keeps the SQL and the position of each marker among the parameters::

        SELECT "id", "tenant" FROM "ringotel_crm_apikey" WHERE ("digest" = %s AND "expires_at" > %s)
        ["value 0", 1970-01-01 00:00:01]  ->  [values[0], values[1]]

    That call and all later ones run the SQL with their own values, ``["5e88", now]``, and return
    named tuples::

        [Row(pk=7, tenant="north")]

    There is one statement for each database, ``variant``, and sequence of value types. It is wrong,
    or cannot be built, where the SQL depends on more than these:

    * ``None``, in a filter and in an update, makes different SQL; this is safe because it is a type
      of its own.
    * A list cannot be a value: SQL has a parameter for each item. Take the items as arguments:
      ``lambda *numbers: Contact.objects.filter(number__in=numbers)``; there is a statement for each
      count.
    * A value must have the type of its column and reach the database unchanged: ``startswith`` adds
      ``%``, so that the marker is not found. ``rows()`` raises ``ValueError``.
    * A query that is always empty (``.none()``, ``__in=[]``) has no SQL. ``rows()`` raises
      ``EmptyResultSet``.
    * Settings, permissions, or whatever else ``build`` reads are fixed on first use: pass them as
      ``variant``.

    Columns are returned as the database driver returns them. Select text, integers and booleans
    only: SQLite and MariaDB return booleans as 0 and 1 and UUIDs as text, SQLite also dates.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any] | Query]) -> None:
        self.build = build
        self._statements: dict[tuple[Any, ...], _Statement] = {}

    def rows(self, using: str, *values: Value, variant: Any = None) -> list[Any]:
        """Return the rows for ``values`` from the database ``using``: named tuples of the columns
        of ``values_list()``.

        ``variant``: hashable value of whatever else ``build`` depends on. Raises ``ValueError`` and
        ``EmptyResultSet`` for a query that cannot be compiled, as above.
        """
        statement = self._statement(using, values, variant)
        with connections[using].cursor() as cursor:
            cursor.execute(statement.sql, statement.fill_in(values, using))
            return [statement.make_row(row) for row in cursor.fetchall()]

    def change(self, using: str, *values: Value) -> int:
        """Run the update with ``values`` on the database ``using``; return the number of rows
        changed.

        Raises ``ValueError`` and ``EmptyResultSet`` for a query that cannot be compiled, as above.
        """
        with connections[using].cursor() as cursor:
            cursor.execute(*self.statement(using, *values))
            return int(cursor.rowcount)

    def statement(self, using: str, *values: Value, variant: Any = None) -> tuple[str, list[Any]]:
        """Return SQL and parameters, for ``Manager.raw()``.

        Raises ``ValueError`` and ``EmptyResultSet`` for a query that cannot be compiled, as above.
        """
        statement = self._statement(using, values, variant)
        return statement.sql, statement.fill_in(values, using)

    def _statement(self, using: str, values: tuple[Value, ...], variant: Any) -> _Statement:
        key = (using, variant, *map(type, values))
        if key not in self._statements:
            self._statements[key] = _compile(self.build, values, using)
        return self._statements[key]


@dataclass(frozen=True)
class _Parameter:
    """The position of a value among the parameters of a statement. ``index``: of the value."""

    index: int


@dataclass(frozen=True)
class _Statement:
    sql: str
    params: list[Any]
    make_row: Callable[[tuple[Any, ...]], Any]

    def fill_in(self, values: tuple[Value, ...], using: str) -> list[Any]:
        adapted = [_adapt(value, using) for value in values]
        return [
            adapted[param.index] if isinstance(param, _Parameter) else param
            for param in self.params
        ]


def _compile(
    build: Callable[..., QuerySet[Any, Any] | Query], values: tuple[Value, ...], using: str
) -> _Statement:
    markers = [_marker(index, type(value)) for index, value in enumerate(values)]
    built = build(*markers)
    query = built if isinstance(built, Query) else built.query
    sql, params = query.get_compiler(using).as_sql()
    adapted = [_adapt(marker, using) for marker in markers]
    if any(marker is not None and marker not in params for marker in adapted):
        raise ValueError(f"A value of this query is not among its parameters: {sql}")
    places = [_Parameter(adapted.index(param)) if param in adapted else param for param in params]
    make_row: Any = tuple
    if columns := getattr(built, "_fields", None):
        row_class: Any = namedtuple("Row", columns)  # type: ignore[misc]
        make_row = row_class._make
    return _Statement(sql, places, make_row)


def _marker(index: int, kind: type[Any]) -> Value:
    """Return a value of this type that occurs in no query otherwise; ``None`` for ``NoneType``."""
    if issubclass(kind, int):
        return 2_000_000_000 + index
    if issubclass(kind, str):
        return f"value {index}"
    if issubclass(kind, dt.datetime):
        return dt.datetime(1970, 1, 1, second=index, tzinfo=dt.UTC)
    return None


def _adapt(value: Value, using: str) -> Any:
    """Return ``value`` as the database driver takes it."""
    if isinstance(value, dt.datetime):
        return connections[using].ops.adapt_datetimefield_value(value)
    return value
