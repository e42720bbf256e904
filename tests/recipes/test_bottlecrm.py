from __future__ import annotations

import uuid

from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import TestCase

from ringotel_crm.backends import get_backend
from ringotel_crm.records import Actor
from ringotel_crm.testing import BackendContract

ORGANIZATIONS = [uuid.UUID(int=number) for number in (1, 2)]


class TestBottleCRM(BackendContract, TestCase):
    tenants = tuple(map(str, ORGANIZATIONS))

    def setUp(self) -> None:
        for id in ORGANIZATIONS:
            apps.get_model("common", "Org").objects.create(id=id)

    def test_tenant_of_a_user_is_the_only_organization(self) -> None:
        user = get_user_model()._default_manager.create(email="una@example.com")
        profiles = apps.get_model("common", "Profile").objects
        profiles.create(user=user, org_id=ORGANIZATIONS[0])
        assert get_backend(Actor(user=user)).tenant == self.tenants[0]

        profiles.create(user=user, org_id=ORGANIZATIONS[1])
        assert get_backend(Actor(user=user)).tenant == ""
