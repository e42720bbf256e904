from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ringotel_crm.internal.compiled_queries import CompiledQuery, update
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import ApiKey
from tests.factories import make_contact, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def by_digest() -> CompiledQuery:
    """The example of the docstring."""
    return CompiledQuery(
        lambda digest, now: (
            ApiKey.objects.order_by()
            .filter(digest=digest, expires_at__gt=now)
            .values_list("pk", "tenant")
        )
    )


@pytest.fixture
def key() -> ApiKey:
    key, _token = ApiKey.objects.issue(name="desk", user=make_user(), tenant="north")
    ApiKey.objects.update(expires_at=timezone.now())
    return key


def test_rows_are_named_tuples_for_the_values_of_each_call(
    by_digest: CompiledQuery, key: ApiKey, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    earlier, later = (timezone.now() + dt.timedelta(hours=hours) for hours in (-1, 1))

    with django_assert_num_queries(3):
        assert by_digest.rows("default", "unknown", earlier) == []
        (row,) = by_digest.rows("default", key.digest, earlier)
        assert by_digest.rows("default", key.digest, later) == []
    assert (row.pk, row.tenant) == (key.pk, "north")
    assert tuple(row) == (key.pk, "north")


def test_queryset_is_built_once_for_each_combination_of_types() -> None:
    built: list[tuple[object, ...]] = []
    found = make_contact("Ada Example")

    def build(*pks: Any) -> Any:
        built.append(pks)
        return Contact.objects.order_by().filter(pk__in=pks).values_list("first_name")

    query = CompiledQuery(build)
    for pk in (0, found.pk, 0):
        query.rows("default", pk)
    assert query.rows("default", 0, found.pk) == [("Ada",)]
    assert len(built) == 2


def test_update_sets_values_and_null(key: ApiKey) -> None:
    query = CompiledQuery(lambda pk, at: update(ApiKey.objects.filter(pk=pk), revoked_at=at))

    for revoked_at in (timezone.now(), None):
        assert query.change("default", key.pk, revoked_at) == 1
        key.refresh_from_db()
        assert key.revoked_at == revoked_at
    assert query.change("default", 0, None) == 0


def test_value_that_django_changes_raises_value_error() -> None:
    query = CompiledQuery(
        lambda name: Contact.objects.filter(first_name__startswith=name).values_list("pk")
    )

    with pytest.raises(ValueError, match="not among its parameters"):
        query.rows("default", "Ada")


def test_empty_query_raises_empty_result_set() -> None:
    query = CompiledQuery(lambda *pks: Contact.objects.filter(pk__in=pks).values_list("pk"))

    with pytest.raises(EmptyResultSet):
        query.rows("default")


def test_statement_has_sql_and_parameters_for_raw(by_digest: CompiledQuery) -> None:
    now = timezone.now()
    sql, params = by_digest.statement("default", "5e88", now)

    assert sql.count("%s") == 2
    assert params == ["5e88", connection.ops.adapt_datetimefield_value(now)]
