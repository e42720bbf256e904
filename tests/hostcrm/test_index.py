"""The phone index is updated by signals, and by the command."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from demo_project.hostcrm.models import Branch, Company, Lead, Person
from ringotel_crm.backends.model_rows import content_type_id, query_index
from ringotel_crm.models import PhoneIndex
from ringotel_crm.services.contacts import phone_index
from ringotel_crm.services.sync import checkpoints
from tests.api import Api


def entries(row: Any) -> set[str]:
    """Return the numbers in the index for this row."""
    return set(PhoneIndex.objects.filter(object_id=str(row.pk)).values_list("e164", flat=True))


def run(**options: Any) -> str:
    out = StringIO()
    call_command("ringotel_index_phones", stdout=out, stderr=StringIO(), **options)
    return out.getvalue().strip()


def has_drifted() -> bool:
    try:
        run(check=True)
    except CommandError:
        return True
    return False


def test_second_run_at_the_same_time_is_refused(north: Branch) -> None:
    with checkpoints.exclusive("", "ringotel_index_phones"):
        run(check=True)
        with pytest.raises(CommandError, match="already running"):
            run()
    assert run().startswith("0 rows")


@pytest.fixture
def ada(north: Branch) -> Person:
    return Person.objects.create(
        branch=north, given_name="Ada", office_phone="020 915 0100", cell="083 920 0100"
    )


def test_saved_and_deleted_row_updates_index(ada: Person) -> None:
    assert entries(ada) == {"+353209150100", "+353839200100"}
    ada.cell = "two: 083 920 0101 or 083 920 0102"
    ada.save()
    assert entries(ada) == {"+353209150100", "+353839200101", "+353839200102"}
    ada.office_phone = ada.cell = "none"
    ada.save()
    assert entries(ada) == set()
    Person.objects.filter(pk=ada.pk).delete()
    assert not has_drifted()


def test_soft_deleted_row_is_not_indexed(ada: Person, api: Api) -> None:
    ada.delete()
    assert entries(ada) == set()
    ada.deleted_at = None
    ada.save()
    assert entries(ada) == {"+353209150100", "+353839200100"}
    Person.with_deleted.filter(pk=ada.pk).delete()
    assert entries(ada) == set()


def test_row_of_phone_table_updates_index(ada: Person, north: Branch) -> None:
    bea = Person.objects.create(branch=north, given_name="Bea")
    row = ada.numbers.create(label="home", digits="020 915 0199")
    assert "+353209150199" in entries(ada)
    row.person = bea
    row.save()
    assert "+353209150199" not in entries(ada)
    assert entries(bea) == {"+353209150199"}
    row.digits = "020 915 0198"
    row.save()
    assert entries(bea) == {"+353209150198"}
    row.delete()
    assert entries(bea) == set()
    assert not has_drifted()


def test_deleted_row_removes_numbers_of_phone_table(ada: Person) -> None:
    ada.numbers.create(label="home", digits="020 915 0199")
    Person.with_deleted.all().delete()
    assert not PhoneIndex.objects.exists()


@pytest.fixture
def proxy() -> Iterator[type[Person]]:
    class VIP(Person):
        class Meta:
            app_label = "hostcrm"
            proxy = True

    yield VIP
    del apps.all_models["hostcrm"]["vip"]
    apps.clear_cache()


def test_saved_proxy_updates_index(ada: Person, proxy: type[Person]) -> None:
    phone_index.connect()
    vip = proxy._default_manager.get()
    vip.cell = "083 920 0177"
    vip.save()
    assert "+353839200177" in entries(ada)


def test_rollback_leaves_index_unchanged(ada: Person) -> None:
    with transaction.atomic():
        ada.cell = "083 920 0177"
        ada.save()
        transaction.set_rollback(True)
    assert entries(ada) == {"+353209150100", "+353839200100"}


def test_command_indexes_changes_without_signals(ada: Person, north: Branch, api: Api) -> None:
    Lead.objects.bulk_create(
        [Lead(branch=north, full_name="Lee Invented", telephone="020 915 0300")]
    )
    Person.objects.update(cell="083 920 0177")
    Company.objects.bulk_create(
        [Company(branch=north, name="Sample Ltd", switchboard="020 915 0000")]
    )
    assert has_drifted()
    # The outdated entry does not return the person that had the number.
    assert api.results("FindContact", {"phone": "083 920 0100"}) == []
    assert run() == "3 rows; 3 entries were missing, 1 were obsolete."
    assert run() == "3 rows; 0 entries were missing, 0 were obsolete."
    assert not has_drifted()
    assert api.results("FindContact", {"phone": "083 920 0177"}) != []


def test_command_removes_entries_of_deleted_rows(ada: Person) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM hostcrm_person")
    assert has_drifted()
    assert run() == "0 rows; 0 entries were missing, 2 were obsolete."
    assert not PhoneIndex.objects.exists()


def test_interrupted_command_can_be_resumed(north: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_index, "BATCH", 2)
    Lead.objects.bulk_create(
        [
            Lead(branch=north, full_name=f"Lee Invented{n}", telephone=f"020 915 030{n}")
            for n in range(7)
        ]
    )
    write, done = phone_index._write, count()

    def fail_third(*args: Any, **kwargs: Any) -> Any:
        if next(done) == 2:
            raise KeyboardInterrupt
        return write(*args, **kwargs)

    monkeypatch.setattr(phone_index, "_write", fail_third)
    err = StringIO()
    with pytest.raises(KeyboardInterrupt):
        call_command("ringotel_index_phones", model="hostcrm.lead", stderr=err, stdout=StringIO())
    last = Lead.objects.order_by("pk")[3].pk
    assert f"--model hostcrm.Lead --after {last}" in err.getvalue()
    monkeypatch.setattr(phone_index, "_write", write)
    assert (
        run(model="hostcrm.Lead", after=str(last))
        == "3 rows; 3 entries were missing, 0 were obsolete."
    )
    assert not has_drifted()


@pytest.mark.parametrize(
    "options", [{"model": "auth.User"}, {"after": "5"}, {"model": "hostcrm.Lead", "after": "x"}]
)
def test_invalid_options_are_refused(db: None, options: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        run(**options)


def test_command_takes_few_queries(north: Branch, django_assert_max_num_queries: Any) -> None:
    Lead.objects.bulk_create(
        [
            Lead(branch=north, full_name=f"Lee Invented{n}", telephone=f"020 915 {n:04}")
            for n in range(300)
        ]
    )
    with django_assert_max_num_queries(40):
        run()
    assert PhoneIndex.objects.count() == 300


@pytest.mark.django_db
def test_lookup_uses_database_index(north: Branch) -> None:
    PhoneIndex.objects.bulk_create(
        [
            PhoneIndex(
                content_type_id=content_type_id(model),
                object_id=str(n),
                tenant="north",
                e164=f"+35320915{n:04}",
            )
            for n in range(5000)
            for model in (Person, Lead)
        ]
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE ringotel_crm_phoneindex")
    plan = query_index(["+353209150100", "+353209154999"], "north").explain()
    assert "ringotel_index_e164" in plan
    assert "Seq Scan" not in plan


def test_site_with_an_empty_index_is_not_ready(ada: Person, client: Client) -> None:
    def status() -> int:
        return client.get("/ringotel/ready/").status_code

    assert status() == 200
    PhoneIndex.objects.all().delete()
    assert status() == 503
    run()
    assert status() == 200
    PhoneIndex.objects.all().delete()
    Person.objects.update(office_phone="", cell="")  # contacts without numbers need no index
    assert status() == 200
