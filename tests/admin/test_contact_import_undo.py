from __future__ import annotations

import datetime as dt
import sys
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client, modify_settings
from django.utils import timezone

from ringotel_crm.minicrm import jobs
from ringotel_crm.minicrm.models import (
    Contact,
    ContactImport,
    ContactPhone,
    ImportedRow,
    Organization,
)
from ringotel_crm.models import LegalHold, Note
from tests.admin.contact_files import LIST, do_import, export, preview, state, undo
from tests.factories import make_contact, make_organization, set_times
from tests.fixtures.admin import login_as, make_call

FILE = (
    "name,phone,job title,company\n"
    "Ada Example,021 202 8252,Buyer,New Co\n"
    "Ada Example,021 202 8252,Head of Sales,New Co\n"
    "Ann Lee,087 765 4321,,New Co\n"
)


def test_undo_deletes_what_was_created_and_restores_what_was_changed(boss: Client) -> None:
    ada = make_contact("Ada Example", "+353 21 202 8252", job_title="Clerk")
    ada.phones.create(kind="mobile", raw="087 111 2233")
    before = state()
    job = do_import(boss, FILE.replace("Ann Lee", "Ann Lee"))
    assert state() != before

    page = undo(boss, job)

    assert "Import undone" in page.content.decode()
    assert state() == before
    assert not Organization.objects.exists()
    assert not ImportedRow.objects.exists()


def test_undo_restores_numbers_that_our_export_replaced(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100", organization=make_organization())
    ada.phones.create(kind="work", raw="ask Ada", extension="7")
    before = state()
    job = do_import(
        boss, export(boss).replace(b"+44 20 7946 0100 ::: ask Ada x7", b"+44 20 7946 0101")
    )
    assert ContactPhone.objects.get().raw == "+44 20 7946 0101"

    undo(boss, job)

    assert state() == before


@pytest.mark.parametrize("use", ["name", "number", "note", "call", "hold"])
def test_undo_keeps_what_was_edited_or_used_since(boss: Client, use: str) -> None:
    job = do_import(boss, FILE)
    ann = Contact.objects.get(first_name="Ann")
    reference: dict[str, Any] = {
        "contact_type": ContentType.objects.get_for_model(Contact),
        "contact_id": str(ann.pk),
    }
    if use == "name":
        ann.last_name = "Leigh"
        ann.save()
    elif use == "number":
        ann.phones.create(kind="home", raw="021 111 2233")
    elif use == "note":
        Note.objects.create(**reference, text="Call back")
    elif use == "call":
        make_call(1, **reference)
    else:
        LegalHold.objects.create(**reference)

    page = undo(boss, job).content.decode()

    assert list(Contact.objects.all()) == [ann]
    assert "1 contact was edited, or has calls or notes, since the import." in page
    assert f"/contact/{ann.pk}/change/" in page
    assert Organization.objects.get().name == "New Co"


def test_undo_keeps_changes_to_a_contact_that_was_edited_since(boss: Client) -> None:
    ada = make_contact("Ada Example", "+353 21 202 8252", job_title="Clerk")
    job = do_import(boss, FILE)
    Contact.objects.filter(pk=ada.pk).update(email="ada@example.com")

    undo(boss, job)

    ada.refresh_from_db()
    assert (ada.job_title, ada.email) == ("Head of Sales", "ada@example.com")
    assert Contact.objects.count() == 1


def test_imports_are_undone_one_after_the_other(boss: Client) -> None:
    first = do_import(boss, "name,phone,job title\nAnn Lee,087 765 4321,Clerk\n")
    second = do_import(boss, "name,phone,job title\nAnn Lee,087 765 4321,Buyer\n")

    undo(boss, second)
    assert Contact.objects.get().job_title == "Clerk"
    undo(boss, first)

    assert not Contact.objects.exists()


def test_earlier_import_does_not_undo_a_later_one(boss: Client) -> None:
    first = do_import(boss, "name,phone,job title\nAnn Lee,087 765 4321,Clerk\n")
    do_import(boss, "name,phone,job title\nAnn Lee,087 765 4321,Buyer\n")

    undo(boss, first)

    assert Contact.objects.get().job_title == "Buyer"


def test_undo_page_reports_what_it_does(boss: Client) -> None:
    job = do_import(boss, FILE)

    page = boss.get(f"{LIST}import/{job.pk}/undo/").content.decode()

    assert "2 contacts that the import created will be deleted." in page
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("state_of_job", ["ready", "undone"])
def test_only_a_finished_import_can_be_undone(boss: Client, state_of_job: str) -> None:
    if state_of_job == "ready":
        job = preview(boss, FILE).context["job"]
    else:
        undo(boss, job := do_import(boss, FILE))

    assert "This import cannot be undone." in undo(boss, job).content.decode()


def test_undo_expires_with_what_it_needs(boss: Client) -> None:
    job = do_import(boss, FILE)
    set_times(job, created_at=timezone.now() - jobs.UNDO_TIME - dt.timedelta(days=1))

    preview(boss, FILE)

    assert "This import cannot be undone." in undo(boss, job).content.decode()
    assert Contact.objects.count() == 2


def test_command_deletes_what_expired(boss: Client) -> None:
    done = do_import(boss, FILE + "Dan Refused,12,,\n")
    unconfirmed, recent = (preview(boss, FILE).context["job"] for _ in range(2))
    set_times(done, created_at=timezone.now() - jobs.UNDO_TIME - dt.timedelta(days=1))
    set_times(unconfirmed, created_at=timezone.now() - dt.timedelta(days=2))
    output = StringIO()

    call_command("ringotel_delete_expired_imports", stdout=output)

    assert output.getvalue() == "Deleted rows: 3, unconfirmed files: 1\n"
    assert {*ContactImport.objects.all()} == {done, recent}
    assert not ImportedRow.objects.filter(job=done).exists()


def test_command_that_deletes_old_imports_runs_without_the_import_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ringotel_crm.minicrm.jobs", None)
    output = StringIO()

    with modify_settings(INSTALLED_APPS={"remove": "import_export"}):
        call_command("ringotel_delete_expired_imports", stdout=output)

    assert "INSTALLED_APPS does not contain import_export" in output.getvalue()


def test_import_that_was_not_confirmed_is_deleted_after_a_day(boss: Client) -> None:
    job = preview(boss, FILE).context["job"]
    set_times(job, created_at=timezone.now() - dt.timedelta(days=2))

    preview(boss, FILE)

    assert not ContactImport.objects.filter(pk=job.pk).exists()


def test_nothing_of_a_deleted_contact_is_kept_for_undo(boss: Client) -> None:
    do_import(boss, FILE)

    Contact.objects.all().delete()

    assert not ImportedRow.objects.exists()


def test_undo_of_the_imports_of_others_needs_the_permission_to_delete(
    groups: None, boss: Client
) -> None:
    job = do_import(boss, FILE)
    agent = login_as("agent", "una")
    own = do_import(agent, FILE.replace("Ada", "Eve"))

    assert agent.get(f"{LIST}import/{job.pk}/undo/").status_code == 403
    assert agent.get(f"{LIST}import/{own.pk}/undo/").status_code == 200
    assert User.objects.get(username="una") == own.user
