"""While a client reads a list, it holds a connection only if connections are persistent."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity
from tests.api import Api

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[0, None], ids=["per_request", "persistent"])
def max_age(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", request.param)
    connection.close()
    age: int | None = request.param
    return age


def test_list_gives_its_connection_back_between_pages(api: Api, max_age: int | None) -> None:
    Contact.objects.bulk_create(Contact(last_name=f"Sample {n}") for n in range(1200))
    parts = []
    for part in api.call("Contacts"):
        parts.append(part)
        if len(parts) < 3:
            assert (connection.connection is None) == (max_age == 0)
    assert b"".join(parts).count(b'"id"') == 1200


def test_export_of_calls_gives_its_connection_back(
    max_age: int | None, django_user_model: type[User]
) -> None:
    Activity.objects.bulk_create(
        Activity(call_id=f"c{n}", start=timezone.now()) for n in range(2100)
    )
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("boss"))
    selected = {"action": "export", "select_across": "1", "_selected_action": "1", "index": "0"}
    response = client.post("/admin/ringotel_crm/activity/", selected)
    lines = iter(response)
    next(lines)
    next(lines)
    assert (connection.connection is None) == (max_age == 0)
    rest = list(lines)
    assert len(rest) == 2099
    assert rest[0].startswith(b"c2098,")
