"""The recipe for row-level security of docs/host.rst."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.signals import request_started
from django.db import IntegrityError, connection, transaction
from django.db.backends.signals import connection_created

from docs.recipes.row_level_security import Backend, add_wrapper, reset_org, set_org
from ringotel_crm.records import Actor

# The other tests do without.
connection_created.disconnect(add_wrapper)
request_started.disconnect(reset_org)

QUERY = "SELECT coalesce(current_setting('app.current_org', true), '')"


def read_org() -> Any:
    with connection.cursor() as cursor:
        cursor.execute(QUERY)
        return cursor.fetchone()[0]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only")
@pytest.mark.django_db(transaction=True)
def test_tenant_is_set_in_the_transaction_of_each_query_only() -> None:
    with connection.execute_wrapper(set_org):
        Backend(Actor(user=None, tenant="north"))
        assert read_org() == "north"
        with transaction.atomic():
            Group.objects.create(name="North")
            with pytest.raises(IntegrityError), transaction.atomic():
                Group.objects.create(name="North")
            assert read_org() == "north"
        assert Group.objects.count() == 1
        reset_org()
        assert read_org() == ""
        Backend(Actor(user=None, tenant="south"))
        assert read_org() == "south"
    assert read_org() == ""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only")
@pytest.mark.django_db(transaction=True)
def test_statements_that_allow_no_transaction_run_without_a_tenant() -> None:
    with connection.execute_wrapper(set_org), connection.cursor() as cursor:
        reset_org()
        cursor.execute("VACUUM auth_group")
