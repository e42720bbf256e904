"""With a database schema per tenant, each schema has its own primary keys."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.api import HOOKS, make_token

pytestmark = pytest.mark.django_db


def test_key_of_the_permission_in_another_schema_grants_nothing() -> None:
    headers = {"Authorization": f"Bearer {make_token()}"}
    url = HOOKS["FindContact"][1]
    assert Client().get(url, headers=headers).status_code == 200

    # The service user keeps the permission with this key, which is another one now.
    permission = Permission.objects.get(codename="use_api")
    Permission.objects.filter(pk=permission.pk).update(codename="add_tests")
    assert Client().get(url, headers=headers).status_code == 403

    content_type = permission.content_type
    ours = Permission.objects.create(codename="use_api", content_type=content_type)
    assert Client().get(url, headers=headers).status_code == 403
    User.objects.get().user_permissions.add(ours)
    assert Client().get(url, headers=headers).status_code == 200
