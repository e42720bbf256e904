from __future__ import annotations

from django.apps import apps
from django.contrib.auth import get_user_model
from django.test import TestCase

from ringotel_crm.backends import get_backend
from ringotel_crm.records import Actor
from ringotel_crm.services.contacts.identify import identify
from ringotel_crm.testing import BackendContract


class TestDjangoCRM(BackendContract, TestCase):
    """The contacts that the contract creates are leads."""


class TestContacts(TestCase):
    def test_contact_is_found_with_its_company(self) -> None:
        company = apps.get_model("crm", "Company").objects.create(full_name="Sample Ltd")
        contacts = apps.get_model("crm", "Contact").objects
        contacts.create(first_name="Ada", mobile="083 920 0100", company=company)

        found = identify(get_backend(Actor(user=get_user_model()())), "+353839200100")

        assert found
        assert (found.first_name, found.company_name) == ("Ada", "Sample Ltd")
