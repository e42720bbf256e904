"""Query plans of caller identification among many rows."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization
from tests.api import Api
from tests.factories import number

# For MariaDB, ANALYZE TABLE ends a transaction.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROWS = 5000


@pytest.fixture
def many() -> None:
    """Create enough contacts and organizations for a full scan to be slower."""
    Contact.objects.bulk_create(
        (Contact(first_name=f"Ada {n}") for n in range(ROWS)), batch_size=1000
    )
    Organization.objects.bulk_create(
        (Organization(name=f"Sample {n}") for n in range(ROWS)), batch_size=1000
    )
    pks = list(Contact.objects.order_by("pk").values_list("pk", flat=True))
    ContactPhone.objects.bulk_create(
        (ContactPhone(contact_id=pk, raw=f"+4413{n:08}") for pk in pks for n in (pk, pk + ROWS)),
        batch_size=1000,
    )
    Organization.objects.filter(name="Sample 1").update(phone=number(1), e164=number(1))
    with connection.cursor() as cursor:
        for model in (Contact, ContactPhone, Organization):
            table = connection.ops.quote_name(model._meta.db_table)
            analyze = {"postgresql": f"ANALYZE {table}", "mysql": f"ANALYZE TABLE {table}"}
            cursor.execute(analyze.get(connection.vendor, "ANALYZE"))


def indexes(model: type[Model], column: str) -> set[str]:
    """Return the names of the indexes on this column."""
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return {
        name
        for name, facts in constraints.items()
        if facts["columns"] == [column] and facts["index"]
    }


def plan(sql: str) -> str:
    """Return the query plan as text."""
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        return "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())


@pytest.mark.usefixtures("many")
def test_caller_lookup_uses_the_index(api: Api) -> None:
    phone = ContactPhone.objects.order_by("pk")[ROWS]
    with CaptureQueriesContext(connection) as queries:
        assert [found["id"] for found in api.results("FindContact", {"phone": phone.e164})] == [
            str(phone.contact_id)
        ]
    [sql] = [query["sql"] for query in queries if "contactphone" in query["sql"]]
    found = plan(sql)
    assert any(name in found for name in indexes(ContactPhone, "e164")), found
    assert "SCAN " not in found  # SQLite
    assert "Seq Scan" not in found  # PostgreSQL
    assert not re.search(
        r"(?<!<subquery\d>) ALL ", found
    )  # MariaDB, which reads the few rows of a subquery so


@pytest.mark.usefixtures("many")
def test_organization_lookup_uses_the_index(api: Api) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert api.results("FindContact", {"phone": number(1)}) == []
    table = connection.ops.quote_name(Organization._meta.db_table)
    sql = next(query["sql"] for query in queries if f"FROM {table}" in query["sql"])
    found = plan(sql)
    assert any(name in found for name in indexes(Organization, "e164")), found
