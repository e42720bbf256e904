from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import TestCase

from ringotel_crm.testing import BackendContract


class TestHorilla(BackendContract, TestCase):
    tenants = ("1", "2")

    def setUp(self) -> None:
        for id in self.tenants:
            apps.get_model("horilla_core", "Company").objects.create(pk=id)

    def make_user(self, tenant: str) -> Any:
        """A contact has an owner, which must be stored."""
        user, _is_new = get_user_model()._default_manager.get_or_create(username="una")
        return user

    def test_company_is_the_first_account(self) -> None:
        ada = self.make(phone="020 915 0100")
        account = apps.get_model("accounts", "Account").all_objects.create(
            name="Sample Ltd", company_id=1
        )
        relations = apps.get_model("contacts", "ContactAccountRelationship").all_objects
        relations.create(contact_id=ada.id, account=account, company_id=1)

        contact = self.backend().contacts.get(ada.id)

        assert contact
        assert contact.company_name == "Sample Ltd"
