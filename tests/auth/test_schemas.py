"""With a database schema per tenant, each schema has its own primary keys."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client

from ringotel_crm import databases
from tests.api import HOOKS, make_token

pytestmark = pytest.mark.django_db


def test_key_of_the_permission_in_another_schema_grants_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections[databases.write_alias()], "schema_name", "north", raising=False)
    headers = {"Authorization": f"Bearer {make_token()}"}
    url = HOOKS["FindContact"][1]
    assert Client().get(url, headers=headers).status_code == 200

    # In the next schema, the permission with the same key is another one.
    monkeypatch.setattr(connections[databases.write_alias()], "schema_name", "south")
    permission = Permission.objects.get(codename="use_api")
    Permission.objects.filter(pk=permission.pk).update(codename="add_tests")
    assert Client().get(url, headers=headers).status_code == 403

    content_type = permission.content_type
    ours = Permission.objects.create(codename="use_api", content_type=content_type)
    assert Client().get(url, headers=headers).status_code == 403
    User.objects.get().user_permissions.add(ours)
    assert Client().get(url, headers=headers).status_code == 200
