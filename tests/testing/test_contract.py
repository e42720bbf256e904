"""The contract passes for the backends of this package, and fails for each faulty backend."""

from __future__ import annotations

import dataclasses
import datetime as dt
import unittest
from collections.abc import Iterator
from itertools import islice, product
from typing import Any, ClassVar

import pytest
from django.test import TestCase, override_settings
from django.utils import timezone

from ringotel_crm.backends.base import (
    ContactDirectory,
    Directory,
    OrganizationDirectory,
    UserDirectory,
)
from ringotel_crm.backends.memory import (
    MemoryBackend,
    MemoryContacts,
    MemoryOrganizations,
    MemoryUsers,
    store,
)
from ringotel_crm.models import Activity, ApiKey
from ringotel_crm.records import ContactInput, ContactRecord, OrganizationRecord, UserRecord
from ringotel_crm.testing import BackendContract

HERE = "tests.testing.test_contract"


class TestMiniCRM(BackendContract, TestCase):
    pass


@override_settings(RINGOTEL_CRM={"BACKEND": "ringotel_crm.backends.memory.MemoryBackend"})
class TestMemory(BackendContract, TestCase):
    def setUp(self) -> None:
        store.clear()
        self.addCleanup(store.clear)


@override_settings(RINGOTEL_CRM={"BACKEND": "tests.projects.mapped.backend.MappedBackend"})
class TestMapped(BackendContract, TestCase):
    pass


class MatchesSuffixes(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        pairs = product(numbers, store.contacts.values())
        return [(n, contact) for n, contact in pairs if n.endswith(contact.phone[-7:] or "-")]


class StoresAsReceived(MemoryContacts):
    """Stores and compares numbers as received."""

    def _save(self, contact: ContactRecord, draft: ContactInput) -> ContactRecord:
        values = {name: value for name, value in dataclasses.asdict(draft).items() if value}
        saved = store.contacts[contact.id] = dataclasses.replace(contact, **values)
        return saved


class FindsPhoneOnly(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        return [
            (contact.phone, contact)
            for contact in store.contacts.values()
            if contact.phone in numbers
        ]


class RaisesForInvalidId(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        return store.contacts.get(f"{int(id):06}")


class ReturnsContactForAnyId(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        return store.contacts.get(id) or next(iter(store.contacts.values()), None)


class NeverFindsExisting(MemoryContacts):
    def find_existing(self, draft: Any, numbers: Any) -> Any:
        return None


class MatchesNameOnly(MemoryContacts):
    def find_existing(self, draft: Any, numbers: Any) -> Any:
        return next((c for c in store.contacts.values() if c.last_name == draft.last_name), None)


class MatchesNumberOnly(MemoryContacts):
    def find_existing(self, draft: Any, numbers: Any) -> Any:
        return next((contact for _number, contact in self.find(numbers)), None)


class EmptiesMissingValues(MemoryContacts):
    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        super().update(id, draft)
        contact = store.contacts[id] = dataclasses.replace(store.contacts[id], email=draft.email)
        return contact


class ReturnsNoneForEmpty(MemoryContacts):
    def _save(self, contact: ContactRecord, draft: ContactInput) -> Any:
        super()._save(contact, draft)
        saved = store.contacts[contact.id] = dataclasses.replace(
            store.contacts[contact.id],
            job_title=None,  # type: ignore[arg-type]
        )
        return saved


class ReturnsIntegerIds(MemoryContacts):
    def records(self, **kwargs: Any) -> Iterator[ContactRecord]:
        return (
            dataclasses.replace(contact, id=int(contact.id))  # type: ignore[arg-type]
            for contact in super().records(**kwargs)
        )


class ReturnsNaiveTimes(MemoryContacts):
    def records(self, **kwargs: Any) -> Iterator[ContactRecord]:
        moment = dt.datetime(2026, 3, 2)  # noqa: DTZ001 - the fault
        return (
            dataclasses.replace(contact, created_at=moment) for contact in super().records(**kwargs)
        )


class IgnoresLimit(MemoryContacts):
    def records(self, *, limit: Any = None, **kwargs: Any) -> Iterator[ContactRecord]:
        return super().records(**kwargs)


class RepeatsLastContact(MemoryContacts):
    def records(self, *, after: str = "", **kwargs: Any) -> Iterator[ContactRecord]:
        return (contact for contact in super().records(**kwargs) if contact.id >= after)


class SkipsContact(MemoryContacts):
    def records(self, *, after: str = "", **kwargs: Any) -> Iterator[ContactRecord]:
        skipped = 1 if after else 0
        return islice(super().records(after=after, **kwargs), skipped, None)


class IgnoresUpdatedSince(MemoryContacts):
    def records(self, *, updated_since: Any = None, **kwargs: Any) -> Iterator[ContactRecord]:
        return super().records(**kwargs)


class UpdatesUnknownId(MemoryContacts):
    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        return super().update(id, draft) if id in store.contacts else ContactRecord(id=id)


class TakesManyQueries(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        for _ in range(3):
            Activity.objects.exists()
        return super().find(numbers)


class WritesOnLookup(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        Activity.objects.update(updated_at=timezone.now())
        return super().find(numbers)


class SwapsNames(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        contact = super().get(id)
        return contact and dataclasses.replace(
            contact, first_name=contact.last_name, last_name=contact.first_name
        )


class ReturnsAnyNumber(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        return [
            (number, contact) for _number, contact in super().find(numbers) for number in numbers
        ]


class RefersToOtherModel(MemoryContacts):
    def to_reference(self, id: str) -> Any:
        return ApiKey, id


class FindsPreviousNumbers(MemoryContacts):
    """Has an index that is not updated."""

    index: ClassVar[dict[str, str]] = {}

    def create(self, draft: ContactInput) -> ContactRecord:
        contact = super().create(draft)
        self.index.update(dict.fromkeys((contact.phone, contact.mobile), contact.id))
        return contact

    def find(self, numbers: Any) -> Any:
        return [
            (number, store.contacts[self.index[number]])
            for number in numbers
            if number in self.index
        ]


class ResolvesEmptyValues(MemoryUsers):
    def resolve(self, **values: str) -> UserRecord | None:
        return super().resolve(**values) or next(self.records(), None)


class ReturnsNumbersAsReceived(MemoryUsers):
    def records(self) -> Iterator[UserRecord]:
        return (dataclasses.replace(user, phone="020 915 0180") for user in super().records())


class IgnoresAfter(MemoryOrganizations):
    def records(self, *, after: str = "", **kwargs: Any) -> Iterator[OrganizationRecord]:
        return super().records(**kwargs)


DIRECTORIES: dict[str, type[Directory]] = {
    "user_directory": UserDirectory,
    "contact_directory": ContactDirectory,
    "organization_directory": OrganizationDirectory,
}

FAULTS: dict[type[Directory], set[str]] = {
    MatchesSuffixes: {"test_unknown_number_returns_no_contact"},
    StoresAsReceived: {
        "test_number_is_found_in_every_notation",
        "test_contact_records_are_well_formed",
    },
    FindsPhoneOnly: {"test_mobile_number_is_found"},
    RaisesForInvalidId: {"test_invalid_id_returns_no_contact"},
    ReturnsContactForAnyId: {"test_invalid_id_returns_no_contact"},
    NeverFindsExisting: {"test_known_person_is_not_created_again"},
    MatchesNameOnly: {"test_different_person_is_created"},
    MatchesNumberOnly: {"test_different_person_is_created"},
    EmptiesMissingValues: {"test_update_keeps_missing_values"},
    ReturnsNoneForEmpty: {"test_contact_records_are_well_formed"},
    ReturnsIntegerIds: {"test_contact_records_are_well_formed"},
    ReturnsNaiveTimes: {"test_contact_records_are_well_formed"},
    IgnoresLimit: {"test_contact_pages_add_up_to_list"},
    RepeatsLastContact: {"test_contact_pages_add_up_to_list"},
    SkipsContact: {"test_contact_pages_add_up_to_list"},
    IgnoresUpdatedSince: {"test_updated_since_selects_changed_contacts"},
    UpdatesUnknownId: {"test_unknown_contact_cannot_be_updated"},
    TakesManyQueries: {"test_lookup_takes_few_queries_and_writes_nothing"},
    WritesOnLookup: {"test_lookup_takes_few_queries_and_writes_nothing"},
    SwapsNames: {"test_contact_is_returned_as_created"},
    ReturnsAnyNumber: {"test_find_returns_pairs_of_number_and_contact"},
    RefersToOtherModel: {"test_calls_can_refer_to_contact"},
    FindsPreviousNumbers: {"test_update_keeps_missing_values"},
    ResolvesEmptyValues: {"test_users_are_well_formed_and_resolved"},
    ReturnsNumbersAsReceived: {"test_users_are_well_formed_and_resolved"},
    IgnoresAfter: {"test_organization_pages_add_up_to_list"},
}


class TenantContacts(MemoryContacts):
    """Has tenants: ids start with the name of the tenant."""

    def is_own(self, id: str) -> bool:
        return id.startswith(self.backend.tenant)

    def records(self, *, limit: Any = None, **kwargs: Any) -> Iterator[ContactRecord]:
        return islice(
            (contact for contact in super().records(**kwargs) if self.is_own(contact.id)), limit
        )

    def get(self, id: str) -> ContactRecord | None:
        return super().get(id) if self.is_own(id) else None

    def find(self, numbers: Any) -> Any:
        return [
            (number, contact)
            for number, contact in super().find(numbers)
            if self.is_own(contact.id)
        ]

    def find_existing(self, draft: ContactInput, numbers: Any) -> ContactRecord | None:
        contact = super().find_existing(draft, numbers)
        return contact if contact and self.is_own(contact.id) else None

    def create(self, draft: ContactInput) -> ContactRecord:
        return self._save(ContactRecord(id=f"{self.backend.tenant}{len(store.contacts):06}"), draft)

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        own_id = id if self.is_own(id) else ""
        return super().update(own_id, draft)


LEAKS = [
    type(f"Leaks_{name}", (TenantContacts,), {name: getattr(MemoryContacts, name)})
    for name in ("records", "get", "find", "find_existing", "update")
]


class Faulty(MemoryBackend):
    """Its directories are replaced by each test."""


def failures(backend: str, tenants: tuple[str, ...] = ("",)) -> set[str]:
    """Run the contract and return the names of the tests that fail."""

    class Suite(BackendContract, TestCase):
        def setUp(self) -> None:
            store.clear()
            FindsPreviousNumbers.index.clear()
            self.addCleanup(store.clear)
            if tenants == ("",):
                store.users["1"] = UserRecord(
                    id="1", first_name="Una", extension="501", phone="+353209150180"
                )
                for id in ("1", "2"):
                    store.organizations[id] = OrganizationRecord(id=id, name=f"Sample{id} Ltd")

    Suite.tenants = tenants
    result = unittest.TestResult()
    with override_settings(RINGOTEL_CRM={"BACKEND": f"{HERE}.{backend}"}):
        unittest.defaultTestLoader.loadTestsFromTestCase(Suite).run(result)
    assert result.testsRun > 15
    failed = [test for test, _traceback in (*result.failures, *result.errors)]
    return {getattr(test, "test_case", test)._testMethodName for test in failed}


@pytest.mark.django_db
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_contract_fails_for_fault(fault: type[Directory], monkeypatch: pytest.MonkeyPatch) -> None:
    attribute = next(name for name, base in DIRECTORIES.items() if issubclass(fault, base))
    monkeypatch.setattr(Faulty, attribute, fault)
    assert failures("Faulty") >= FAULTS[fault]


@pytest.mark.django_db
@pytest.mark.parametrize("leak", [None, *LEAKS], ids=lambda leak: leak.__name__ if leak else "none")
def test_contract_fails_for_tenant_leak(leak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "contact_directory", leak or TenantContacts)
    expected = {"test_tenant_cannot_access_another_tenant"} if leak else set()
    assert failures("Faulty", ("north", "south")) == expected
