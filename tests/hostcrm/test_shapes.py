"""The hooks with unusual models."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import transaction
from django.test import TestCase, override_settings
from pytest_django import Settings

from demo_project.hostcrm.models import Branch, Staff
from ringotel_crm.backends import get_backend
from ringotel_crm.hooks.document import build
from ringotel_crm.models import Activity, Agent, PhoneIndex
from ringotel_crm.records import Actor
from ringotel_crm.testing import BackendContract
from tests.api import Api, error, make_token
from tests.hostcrm.shapes.models import (
    Account,
    Customer,
    Elsewhere,
    Keyed,
    Member,
    Party,
    Subscriber,
)

BACKENDS = "tests.hostcrm.shapes.backends"


def use_backend(backend: str) -> Any:
    return override_settings(
        RINGOTEL_CRM={"BACKEND": f"{BACKENDS}.{backend}", "DEFAULT_REGION": "IE"}
    )


@use_backend("Inherited")
class TestInherited(BackendContract, TestCase):
    pass


@use_backend("TextKeys")
class TestTextKeys(BackendContract, TestCase):
    def test_number_is_found_in_every_notation(self) -> None:
        self.skipTest("The column stores digits only.")


@use_backend("GenericNumbers")
class TestGenericNumbers(BackendContract, TestCase):
    pass


@use_backend("OtherDatabase")
class TestOtherDatabase(BackendContract, TestCase):
    databases = {"default", "other"}


@pytest.fixture
def shape(settings: Settings, request: Any) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": f"{BACKENDS}.{request.param}", "DEFAULT_REGION": "IE"}


def entries() -> set[str]:
    return set(PhoneIndex.objects.values_list("e164", flat=True))


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize(
    "backend",
    [
        *(
            "Inherited",
            "TextKeys",
            "Shared",
            "Particular",
            "GenericNumbers",
            "OurExtensions",
            "OtherDatabase",
        ),
        "ReadOnly",
    ],
)
def test_mappings_pass_checks(settings: Settings, backend: str) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": f"{BACKENDS}.{backend}"}
    assert run_checks() == []


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["Inherited"], indirect=True)
def test_saved_parent_row_updates_index(shape: None) -> None:
    customer = Customer.objects.create(title="Ada Example", telephone="020 915 0100")
    party = Party.objects.get()
    party.telephone = "020 915 0101"
    party.save()
    assert entries() == {"+353209150101"}
    call_command("ringotel_index_phones", check=True)
    Party.objects.get(pk=customer.pk).delete()
    assert entries() == set()


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["TextKeys"], indirect=True)
def test_call_refers_to_text_key(shape: None) -> None:
    ada = Keyed.objects.create(code="IE/1:a,b c", name="Ada Example", digits=353209150100)
    api = Api(make_token())
    api.ok("CreateActivity", {"call_id": "c1", "caller_number": "020 915 0100"})
    assert Activity.objects.get().contact == ada
    assert [c["id"] for c in api.results("Contacts", {"limit": "1"})] == ["IE/1:a,b c"]


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["TextKeys"], indirect=True)
@pytest.mark.parametrize("id", ["ADA", "ádá", "ａda"])
def test_text_keys_are_compared_exactly(shape: None, id: str) -> None:
    Keyed.objects.create(code="ada", name="Ada Example", digits=353209150100)
    api = Api(make_token())
    assert api.refused("UpdateContact", {"id": id, "last_name": "Taken"}, 404)
    api.ok("CreateActivity", {"call_id": "c1", "caller_number": "020 915 0555", "contact_id": id})
    assert Activity.objects.get().contact_id == ""
    api.ok("UpdateContact", {"id": "ada", "last_name": "Sample"})
    assert Keyed.objects.get().name == "Ada Sample"


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["Shared"], indirect=True)
def test_shared_company_number_returns_last_caller(shape: None) -> None:
    account = Account.objects.create(name="Sample Ltd", phone="020 915 0100")
    Member.objects.create(account=account, name="Ada Example")
    bea = Member.objects.create(account=account, name="Bea Example")
    api = Api(make_token())
    assert [c["first_name"] for c in api.results("FindContact", {"phone": "020 915 0100"})] == [
        "Ada"
    ]
    api.ok(
        "CreateActivity",
        {"call_id": "c1", "caller_number": "020 915 0100", "contact_id": str(bea.pk)},
    )
    assert [c["first_name"] for c in api.results("FindContact", {"phone": "020 915 0100"})] == [
        "Bea"
    ]
    account.phone = "020 915 0101"
    account.save()
    assert entries() == {"+353209150101"}
    account.delete()
    assert entries() == set()
    assert Activity.objects.get().contact_name == ""


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["Shared"], indirect=True)
def test_required_company_is_created(shape: None) -> None:
    api = Api(make_token())
    api.id("CreateContact", {"first_name": "Ada", "phone": "020 915 0100"})
    api.id("CreateContact", {"first_name": "Bea", "organization": {"name": "Sample Ltd"}})
    assert [member.account.name for member in Member.objects.order_by("pk")] == [
        "Unknown",
        "Sample Ltd",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["Particular"], indirect=True)
def test_optional_field_may_be_empty(shape: None) -> None:
    api = Api(make_token())
    ada = api.id("CreateContact", {"first_name": "Ada", "phone": "020 915 0100"})
    assert api.id("CreateContact", {"first_name": "Bea", "phone": "020 915 0101"}) != ada
    assert (
        api.ok("UpdateContact", {"id": ada, "email": "ada@example.com"})["email"]
        == "ada@example.com"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["Particular", "Unvalidated"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [{"phone": "020 915 0101"}, {"first_name": "Bea"}, {"email": "ada@example.org"}],
    ids=["unique", "unique together", "refused by save()"],
)
def test_value_refused_by_model_returns_400(shape: None, change: dict[str, str]) -> None:
    ada = Subscriber.objects.create(name="Ada", email="ada@example.com", phone="020 915 0100")
    Subscriber.objects.create(name="Bea", email="ada@example.com", phone="020 915 0101")
    api = Api(make_token())
    error(api.call("UpdateContact", {"id": str(ada.pk), **change}), 400)
    error(
        api.call("CreateContact", {"phone": "020 915 0101", **change, "last_name": "Example"}), 400
    )
    ada.refresh_from_db()
    assert (ada.name, ada.email, ada.phone) == ("Ada", "ada@example.com", "020 915 0100")
    assert Subscriber.objects.count() == 2


@pytest.mark.parametrize("shape", ["OurExtensions"], indirect=True)
def test_extension_of_agent_is_used(shape: None, api: Api, north: Branch) -> None:
    una = User.objects.create_user("una")
    staff = Staff.objects.create(user=una, branch=north)
    Agent.objects.create(user=una, extension="501")
    assert [(user["id"], user["extension"]) for user in api.results("Users")] == [
        (str(staff.pk), "501")
    ]
    api.ok("CreateActivity", {"call_id": "c1", "caller_number": "020 915 0100", "extension": "501"})
    assert Activity.objects.get().agent_id == str(staff.pk)


@pytest.mark.django_db(databases=["default", "other"], transaction=True)
@pytest.mark.parametrize("shape", ["OtherDatabase"], indirect=True)
def test_contacts_in_other_database(shape: None) -> None:
    api = Api(make_token())
    id = api.id(
        "CreateContact", {"first_name": "Ada", "last_name": "Example", "phone": "020 915 0100"}
    )
    assert Elsewhere.objects.using("other").get().pk == int(id)
    assert api.results("FindContact", {"phone": "020 915 0100"})[0]["id"] == id
    Elsewhere.objects.bulk_create([Elsewhere(name="Bea Example", phone="020 915 0101")])
    call_command("ringotel_index_phones")
    assert entries() == {"+353209150100", "+353209150101"}
    with transaction.atomic(using="other"):
        Elsewhere.objects.create(name="Cy Example", phone="020 915 0102")
        transaction.set_rollback(True, using="other")
    assert api.results("FindContact", {"phone": "020 915 0102"}) == []
    Elsewhere.objects.all().delete()
    call_command("ringotel_index_phones")
    assert entries() == set()


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.parametrize("shape", ["ReadOnly"], indirect=True)
@pytest.mark.parametrize("hook", ["CreateContact", "UpdateContact"])
def test_unsupported_hook_returns_501(shape: None, hook: str) -> None:
    ada = Elsewhere.objects.create(name="Ada Example", phone="020 915 0100")
    api = Api(make_token())
    assert (
        error(api.call(hook, {"id": str(ada.pk), "first_name": "Bea"}), 501)["code"]
        == "unsupported"
    )
    assert hook not in build("bearer", "https://crm.example.com")["API"]
    assert error(api.call("Organizations"), 501)["code"] == "unsupported"
    assert "Organizations" not in build("bearer", "https://crm.example.com")["API"]
    assert api.results("FindContact", {"phone": "020 915 0100"}) != []


@pytest.mark.django_db
@pytest.mark.parametrize("shape", ["Inherited"], indirect=True)
def test_backend_does_not_cache_between_requests(shape: None) -> None:
    actor = Actor(user=None)
    assert list(get_backend(actor).contacts.find(["+353209150100"])) == []
    Customer.objects.create(title="Ada Example", telephone="020 915 0100")
    assert len(get_backend(actor).contacts.find(["+353209150100"])) == 1
