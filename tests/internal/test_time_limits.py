from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import Group
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, transaction

from ringotel_crm.internal.time_limits import TimeLimitExceeded, time_limit

SECONDS = 0.2
# Queries that take minutes.
SLOW = {
    "postgresql": "SELECT COUNT(*) FROM generate_series(1, 10000000000)",
    "mysql": "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq + b.seq = 0",
    "sqlite": "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c)"
    " SELECT COUNT(*) FROM c",
}


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def cancel() -> None:
    with time_limit(DEFAULT_DB_ALIAS, SECONDS):
        run(SLOW[connection.vendor])


@pytest.mark.django_db
def test_slow_query_is_cancelled_and_the_connection_remains_usable() -> None:
    Group.objects.create(name="before")
    begun = time.monotonic()

    with pytest.raises(TimeLimitExceeded):
        cancel()

    assert SECONDS <= time.monotonic() - begun < 20
    assert Group.objects.filter(name="before").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_atomic", [False, True])
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_limit_ends_with_its_block(is_atomic: bool, is_cancelled: bool) -> None:
    if is_atomic:
        with transaction.atomic():
            check_end_of_limit(is_cancelled)
    else:
        check_end_of_limit(is_cancelled)


def check_end_of_limit(is_cancelled: bool) -> None:
    if is_cancelled:
        with pytest.raises(TimeLimitExceeded):
            cancel()
    else:
        with time_limit(DEFAULT_DB_ALIAS, SECONDS):
            assert not Group.objects.filter(name="none").exists()
    limits = {
        "postgresql": "SHOW statement_timeout",
        "mysql": "SELECT @@max_statement_time",
        "sqlite": "SELECT 0",
    }
    with connection.cursor() as cursor:
        cursor.execute(limits[connection.vendor])
        assert float(cursor.fetchone()[0]) == 0
    if connection.vendor == "sqlite":
        time.sleep(SECONDS)  # a handler that remained would cancel this
        run(
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000)"
            " SELECT COUNT(*) FROM c"
        )


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "mysql", reason="PostgreSQL's limit ends by itself.")
def test_limit_of_the_session_is_restored() -> None:
    run("SET SESSION max_statement_time = 30")
    with connection.cursor() as cursor:
        try:
            with time_limit(DEFAULT_DB_ALIAS, SECONDS):
                pass
            cursor.execute("SELECT @@SESSION.max_statement_time")
            assert cursor.fetchone() == (30,)
        finally:
            cursor.execute("SET SESSION max_statement_time = DEFAULT")


@pytest.mark.django_db
def test_other_errors_are_raised_as_they_are() -> None:
    with pytest.raises(OperationalError, match="of the site"), time_limit(DEFAULT_DB_ALIAS, 20):
        raise OperationalError("of the site")
