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

from ringotel_crm.backends.base import ContactDirectory
from ringotel_crm.backends.memory import MemoryBackend, MemoryContacts, store
from ringotel_crm.records import ContactDraft, ContactRecord
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

    def _save(self, contact: ContactRecord, draft: ContactDraft) -> ContactRecord:
        said = {name: value for name, value in dataclasses.asdict(draft).items() if value}
        saved = store.contacts[contact.id] = dataclasses.replace(contact, **said)
        return saved


class OnlyThePhone(MemoryContacts):
    def find(self, numbers: Any) -> Any:
        return [(contact.phone, contact) for contact in store.contacts.values() if contact.phone in numbers]


class RaisesForGarbage(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        return store.contacts.get(f"{int(id):06}")


class AnyId(MemoryContacts):
    def get(self, id: str) -> ContactRecord | None:
        return store.contacts.get(id) or next(iter(store.contacts.values()), None)


class AlwaysNew(MemoryContacts):
    def find_same(self, draft: Any, numbers: Any) -> Any:
        return None


class SameNameIsEnough(MemoryContacts):
    def find_same(self, draft: Any, numbers: Any) -> Any:
        return next((c for c in store.contacts.values() if c.last_name == draft.last_name), None)


class SameNumberIsEnough(MemoryContacts):
    def find_same(self, draft: Any, numbers: Any) -> Any:
        return next((contact for _number, contact in self.find(numbers)), None)


class EmptiesWhatIsAbsent(MemoryContacts):
    def update(self, id: str, draft: ContactDraft) -> ContactRecord:
        super().update(id, draft)
        contact = store.contacts[id] = dataclasses.replace(store.contacts[id], email=draft.email)
        return contact


class NoneForNothing(MemoryContacts):
    def _save(self, contact: ContactRecord, draft: ContactDraft) -> Any:
        super()._save(contact, draft)
        saved = store.contacts[contact.id] = dataclasses.replace(store.contacts[contact.id], job_title=None)  # type: ignore[arg-type]
        return saved


class NumberedIds(MemoryContacts):
    def records(self, **kwargs: Any) -> Iterator[ContactRecord]:
        return (dataclasses.replace(contact, id=int(contact.id)) for contact in super().records(**kwargs))  # type: ignore[arg-type]


class NaiveTimes(MemoryContacts):
    def records(self, **kwargs: Any) -> Iterator[ContactRecord]:
        moment = dt.datetime(2026, 3, 2)  # noqa: DTZ001 - that is the fault
        return (dataclasses.replace(contact, created_at=moment) for contact in super().records(**kwargs))


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
    def update(self, id: str, draft: ContactDraft) -> ContactRecord:
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


FAULTS: dict[type[ContactDirectory], set[str]] = {
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
}


class Faulty(MemoryBackend):
    """With the directory of the test that runs."""

    fault: ClassVar[type[ContactDirectory]]

    @property
    def contacts(self) -> ContactDirectory:
        return self.fault(self)


class OneForAll(MemoryBackend):
    """Takes no notice of tenants."""


def failures(backend: str, scopes: tuple[str, ...] = ("",)) -> set[str]:
    """The names of the contract's tests that fail."""

    class Suite(BackendContract, TestCase):
        def setUp(self) -> None:
            store.clear()
            self.addCleanup(store.clear)

    Suite.scopes = scopes
    result = unittest.TestResult()
    with override_settings(RINGOTEL_CRM={"BACKEND": f"{HERE}.{backend}"}):
        unittest.defaultTestLoader.loadTestsFromTestCase(Suite).run(result)
    assert result.testsRun > 15
    found = (getattr(test, "test_case", test) for test, _text in [*result.failures, *result.errors])
    return {test._testMethodName for test in found}


@pytest.mark.django_db
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(fault: type[ContactDirectory], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faulty, "fault", fault, raising=False)
    assert failures("Faulty") >= FAULTS[fault]


@pytest.mark.django_db
def test_tenants_that_see_each_other_are_found() -> None:
    assert failures("OneForAll", ("north", "south")) == {"test_a_tenant_sees_nothing_of_another"}
