"""The contract for hosts holds for the backends that we ship, and fails for each mistake that a host may make."""

from __future__ import annotations

import dataclasses
import datetime as dt
import unittest
from collections.abc import Iterator
from itertools import islice
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
from ringotel_crm.models import ApiKey
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


class Suffixes(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        return [
            (number, contact)
            for contact in store.contacts.values()
            for number in numbers
            if contact.phone and number.endswith(contact.phone[-7:])
        ]


class AsStored(MemoryContacts):
    """Compares numbers as they were typed."""

    def _save(self, contact: ContactRecord, draft: ContactInput) -> ContactRecord:
        said = {name: value for name, value in dataclasses.asdict(draft).items() if value}
        saved = store.contacts[contact.id] = dataclasses.replace(contact, **said)
        return saved


class OnlyThePhone(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        return [
            (contact.phone, contact)
            for contact in store.contacts.values()
            if contact.phone in numbers
        ]


class RaisesForGarbage(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        return store.contacts.get(f"{int(id):06}")


class AnyId(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        return store.contacts.get(id) or next(iter(store.contacts.values()), None)


class AlwaysNew(MemoryContacts):
    def find_existing(self, draft: Any, numbers: Any) -> Any:
        return None


class SameNameIsEnough(MemoryContacts):
    def find_existing(self, draft: Any, numbers: Any) -> Any:
        return next((c for c in store.contacts.values() if c.last_name == draft.last_name), None)


class SameNumberIsEnough(MemoryContacts):
    def find_existing(self, draft: Any, numbers: Any) -> Any:
        return next((contact for _number, contact in self.find(numbers)), None)


class EmptiesWhatIsAbsent(MemoryContacts):
    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        super().update(id, draft)
        contact = store.contacts[id] = dataclasses.replace(store.contacts[id], email=draft.email)
        return contact


class NoneForNothing(MemoryContacts):
    def _save(self, contact: ContactRecord, draft: ContactInput) -> Any:
        super()._save(contact, draft)
        saved = store.contacts[contact.id] = dataclasses.replace(
            store.contacts[contact.id],
            job_title=None,  # type: ignore[arg-type]
        )
        return saved


class NumberedIds(MemoryContacts):
    def records(self, **kwargs: Any) -> Iterator[ContactRecord]:
        return (
            dataclasses.replace(contact, id=int(contact.id))  # type: ignore[arg-type]
            for contact in super().records(**kwargs)
        )


class NaiveTimes(MemoryContacts):
    def records(self, **kwargs: Any) -> Iterator[ContactRecord]:
        moment = dt.datetime(2026, 3, 2)  # noqa: DTZ001 - that is the fault
        return (
            dataclasses.replace(contact, created_at=moment) for contact in super().records(**kwargs)
        )


class IgnoresLimits(MemoryContacts):
    def records(self, *, limit: Any = None, **kwargs: Any) -> Iterator[ContactRecord]:
        return super().records(**kwargs)


class RepeatsTheLast(MemoryContacts):
    def records(self, *, after: str = "", **kwargs: Any) -> Iterator[ContactRecord]:
        return (contact for contact in super().records(**kwargs) if contact.id >= after)


class LosesOne(MemoryContacts):
    def records(self, *, after: str = "", **kwargs: Any) -> Iterator[ContactRecord]:
        return islice(super().records(after=after, **kwargs), 1 if after else 0, None)


class ForgetsUpdatedSince(MemoryContacts):
    def records(self, *, updated_since: Any = None, **kwargs: Any) -> Iterator[ContactRecord]:
        return super().records(**kwargs)


class UpdatesNobody(MemoryContacts):
    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        return super().update(id, draft) if id in store.contacts else ContactRecord(id=id)


class Chatty(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        from ringotel_crm.models import Activity

        for _ in range(3):
            Activity.objects.exists()
        return super().find(numbers)


class Writes(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        from ringotel_crm.models import Activity

        Activity.objects.update(updated_at=timezone.now())
        return super().find(numbers)


class SwapsNames(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        found = super().get(id)
        return found and dataclasses.replace(
            found, first_name=found.last_name, last_name=found.first_name
        )


class TellsAnyNumber(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        return [
            (number, contact) for _number, contact in super().find(numbers) for number in numbers
        ]


class PointsElsewhere(MemoryContacts):
    def to_reference(self, id: str) -> Any:
        return ApiKey, id


class FindsOldNumbers(MemoryContacts):
    """As an index that nobody keeps."""

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


class SomebodyForNobody(MemoryUsers):
    def resolve(self, **asked: str) -> UserRecord | None:
        return super().resolve(**asked) or next(self.records(), None)


class LinesAsTyped(MemoryUsers):
    def records(self) -> Iterator[UserRecord]:
        return (dataclasses.replace(user, phone="020 915 0180") for user in super().records())


class StartsAfresh(MemoryOrganizations):
    def records(self, *, after: str = "", **kwargs: Any) -> Iterator[OrganizationRecord]:
        return super().records(**kwargs)


KINDS: dict[str, type[Directory]] = {
    "user_directory": UserDirectory,
    "contact_directory": ContactDirectory,
    "organization_directory": OrganizationDirectory,
}

FAULTS: dict[type[Directory], set[str]] = {
    Suffixes: {"test_nobody_is_invented"},
    AsStored: {"test_a_number_is_found_in_every_notation", "test_records_are_well_formed"},
    OnlyThePhone: {"test_a_mobile_is_found_too"},
    RaisesForGarbage: {"test_text_that_is_no_id_names_nobody"},
    AnyId: {"test_text_that_is_no_id_names_nobody"},
    AlwaysNew: {"test_the_same_person_again_is_the_same_contact"},
    SameNameIsEnough: {"test_somebody_else_is_another_contact"},
    SameNumberIsEnough: {"test_somebody_else_is_another_contact"},
    EmptiesWhatIsAbsent: {"test_absent_is_absent"},
    NoneForNothing: {"test_records_are_well_formed"},
    NumberedIds: {"test_records_are_well_formed"},
    NaiveTimes: {"test_records_are_well_formed"},
    IgnoresLimits: {"test_pages_make_up_the_whole_list"},
    RepeatsTheLast: {"test_pages_make_up_the_whole_list"},
    LosesOne: {"test_pages_make_up_the_whole_list"},
    ForgetsUpdatedSince: {"test_what_changed_since"},
    UpdatesNobody: {"test_nobody_cannot_be_changed"},
    Chatty: {"test_a_look_up_takes_few_queries"},
    Writes: {"test_a_look_up_takes_few_queries"},
    SwapsNames: {"test_a_contact_is_given_back_as_it_was_made"},
    TellsAnyNumber: {"test_the_number_that_was_asked_for_is_told"},
    PointsElsewhere: {"test_a_call_can_point_to_a_contact"},
    FindsOldNumbers: {"test_absent_is_absent"},
    SomebodyForNobody: {"test_users"},
    LinesAsTyped: {"test_users"},
    StartsAfresh: {"test_companies_in_pages"},
}


class Scoped(MemoryContacts):
    """Has tenants, whose names the ids begin with."""

    def mine(self, id: str) -> bool:
        return id.startswith(self.backend.tenant)

    def records(self, *, limit: Any = None, **kwargs: Any) -> Iterator[ContactRecord]:
        return islice(
            (contact for contact in super().records(**kwargs) if self.mine(contact.id)), limit
        )

    def get(self, id: str) -> ContactRecord | None:
        return super().get(id) if self.mine(id) else None

    def find(self, numbers: Any) -> Any:
        return [
            (number, contact) for number, contact in super().find(numbers) if self.mine(contact.id)
        ]

    def find_existing(self, draft: ContactInput, numbers: Any) -> ContactRecord | None:
        found = super().find_existing(draft, numbers)
        return found if found and self.mine(found.id) else None

    def create(self, draft: ContactInput) -> ContactRecord:
        return self._save(ContactRecord(id=f"{self.backend.tenant}{len(store.contacts):06}"), draft)

    def update(self, id: str, draft: ContactInput) -> ContactRecord:
        return super().update(id if self.mine(id) else "", draft)


LEAKS = [
    type(f"Leaks_{name}", (Scoped,), {name: getattr(MemoryContacts, name)})
    for name in ("records", "get", "find", "find_existing", "update")
]


class Faulty(MemoryBackend):
    """With the directory of the test that runs."""


def failures(backend: str, tenants: tuple[str, ...] = ("",)) -> set[str]:
    """The names of the contract's tests that fail."""

    class Suite(BackendContract, TestCase):
        def setUp(self) -> None:
            store.clear()
            FindsOldNumbers.index.clear()
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
    found = (getattr(test, "test_case", test) for test, _text in [*result.failures, *result.errors])
    return {test._testMethodName for test in found}


@pytest.mark.django_db
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(fault: type[Directory], monkeypatch: pytest.MonkeyPatch) -> None:
    kind = next(name for name, base in KINDS.items() if issubclass(fault, base))
    monkeypatch.setattr(Faulty, kind, fault)
    assert failures("Faulty") >= FAULTS[fault]


@pytest.mark.django_db
@pytest.mark.parametrize("leak", [None, *LEAKS], ids=lambda leak: leak.__name__ if leak else "none")
def test_tenants_that_see_each_other_are_found(leak: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "contact_directory", leak or Scoped)
    expected = {"test_a_tenant_sees_nothing_of_another"} if leak else set()
    assert failures("Faulty", ("north", "south")) == expected
