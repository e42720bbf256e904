"""A database schema per tenant: the primary keys of permissions differ between schemas."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.api import HOOKS, make_token

pytestmark = pytest.mark.django_db


def test_permission_with_another_key_is_read_in_each_request() -> None:
    headers = {"Authorization": f"Bearer {make_token()}"}
    url = HOOKS["FindContact"][1]
    assert Client().get(url, headers=headers).status_code == 200

    # What another schema may contain: our permission has a key that another one has here.
    permission = Permission.objects.get(codename="use_api")
    group = User.objects.get().groups.get()
    group.permissions.set(Permission.objects.filter(codename="add_logentry"))
    assert Client().get(url, headers=headers).status_code == 403

    content_type = permission.content_type
    permission.delete()
    new = Permission.objects.create(codename="use_api", content_type=content_type)
    assert new.pk != permission.pk
    group.permissions.set([new])
    assert Client().get(url, headers=headers).status_code == 200
