"""Queries that are cancelled if they take too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import OperationalError, connections, transaction

# SQLite calls the function that checks the time whenever it has run this number of instructions.
INSTRUCTIONS = 10_000

Value = TypeVar("Value")


class TimeLimitExceeded(Exception):
    """A query took longer than :func:`time_limit` allows."""


@contextmanager
def time_limit(using: str, seconds: float) -> Iterator[None]:
    """Cancel each query to the database ``using`` that takes longer than ``seconds``, and raise
    :class:`TimeLimitExceeded`. Do not write in the block: on PostgreSQL, it is rolled back.

    Databases other than PostgreSQL, MariaDB, MySQL and SQLite have no limit.
    """
    connection = connections[using]
    begun = time.monotonic()
    limit = LIMITS.get(connection.vendor)
    if limit is None:
        yield
        return
    try:
        with limit(connection, seconds):
            yield
    except OperationalError as exc:
        if time.monotonic() - begun < seconds:
            raise
        raise TimeLimitExceeded from exc


def within_limit(using: str, seconds: float, read: Callable[[], Value], default: Value) -> Value:
    """Return ``read()``, or ``default`` if its query to the database ``using`` takes longer."""
    try:
        with time_limit(using, seconds):
            return read()
    except TimeLimitExceeded:
        return default


@contextmanager
def _limit_postgresql(connection: Any, seconds: float) -> Iterator[None]:
    """Roll back at the end: the setting would last until the end of the outermost transaction."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        # Unlike SET, a function takes parameters that the server binds.
        milliseconds = str(int(seconds * 1000))
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
        yield
        transaction.set_rollback(True, using=connection.alias)


@contextmanager
def _limit_mysql(connection: Any, seconds: float) -> Iterator[None]:
    """Set seconds for MariaDB, milliseconds for MySQL, and restore the previous limit."""
    name, value = "max_statement_time", str(seconds)
    if not connection.mysql_is_mariadb:
        name, value = "max_execution_time", str(int(seconds * 1000))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT @@SESSION.{name}")
        (previous,) = cursor.fetchone()
        cursor.execute(f"SET SESSION {name} = {value}")
        try:
            yield
        finally:
            cursor.execute(f"SET SESSION {name} = {previous}")


@contextmanager
def _limit_sqlite(connection: Any, seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    connection.ensure_connection()
    connection.connection.set_progress_handler(lambda: time.monotonic() > end, INSTRUCTIONS)
    try:
        yield
    finally:
        connection.connection.set_progress_handler(None, 0)


LIMITS = {"postgresql": _limit_postgresql, "mysql": _limit_mysql, "sqlite": _limit_sqlite}
