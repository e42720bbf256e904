"""Moving old calls to files."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.models import (
    Activity,
    AuditEntry,
    CallLeg,
    FollowUp,
    LegalHold,
    Recording,
)
from ringotel_crm.services.calls import archive
from ringotel_crm.services.calls.archive import FOLDER
from ringotel_crm.services.recordings.store import delete_recording
from tests.api import Api
from tests.factories import make_contact, number, set_times
from tests.fixtures.recordings import content, stored
from tests.media.audio_samples import sample

pytestmark = pytest.mark.django_db

OLD = dt.datetime(2024, 5, 31, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def retention(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"CALL_RETENTION_DAYS": 365}


def run(*options: str) -> str:
    output = StringIO()
    call_command("ringotel_archive_calls", *options, stdout=output, stderr=output)
    return output.getvalue()


def old_call(call_id: str, **values: Any) -> Activity:
    return Activity.objects.create(call_id=call_id, **{"start": OLD, **values})


def archived() -> list[dict[str, Any]]:
    """Return the calls in all files of the archive, by id."""
    texts = [gzip.decompress(content(name)) for name in stored(FOLDER)]
    rows = [json.loads(line) for text in texts for line in text.decode().splitlines()]
    return sorted(rows, key=lambda row: row["id"])


def left() -> list[str]:
    return list(Activity.objects.order_by("call_id").values_list("call_id", flat=True))


def test_old_calls_are_moved_to_a_file_per_month() -> None:
    contact = make_contact("Ada Example", number(1))
    about = {"contact_type": ContentType.objects.get_for_model(contact), "contact_id": "7"}
    call = old_call("may", caller_number="020 7946 0001", comment="Ünïcode\n", **about)
    CallLeg.objects.create(activity=call, extension="500")
    FollowUp.objects.create(activity=call, text="Send tea", done_at=OLD)
    old_call("june", start=OLD + dt.timedelta(days=1))
    without_start = old_call("no-start", start=None)
    set_times(without_start, created_at=OLD)
    old_call("new", start=timezone.now())
    Activity.objects.create(call_id="new-no-start")

    assert "Would archive 3 calls." in run("--dry-run")
    assert len(left()) == 5
    assert "Archived 3 calls." in run()

    assert left() == ["new", "new-no-start"]
    assert [row["call_id"] for row in archived()] == ["may", "june", "no-start"]
    months = sorted(name.split("/")[1][:7] for name in stored(FOLDER))
    assert months == ["2024-05", "2024-05", "2024-06"]
    row = archived()[0]
    assert (
        row.items()
        >= {
            "id": call.pk,
            "contact_type": "ringotel_minicrm.contact",
            "contact_id": "7",
            "caller_number": "020 7946 0001",
            "comment": "Ünïcode\n",
            "start": "2024-05-31T12:00:00Z",
        }.items()
    )
    assert [leg["extension"] for leg in row["legs"]] == ["500"]
    assert [follow_up["text"] for follow_up in row["follow_ups"]] == ["Send tea"]
    assert not CallLeg.objects.exists()
    entries = AuditEntry.objects.filter(kind="calls", action="exported")
    assert sum(entry.details["calls"] for entry in entries) == 3
    assert set(entries.values_list("object_id", flat=True)) == set(stored())
    assert "Archived 0 calls." in run()


def test_needed_calls_are_kept(api: Api) -> None:
    contact = make_contact("Ada Example", number(1))
    kind = ContentType.objects.get_for_model(contact)
    LegalHold.objects.create(contact_type=kind, contact_id=str(contact.pk), reason="court case")
    old_call("held-contact", contact_type=kind, contact_id=str(contact.pk))
    old_call("held", legal_hold=True)
    FollowUp.objects.create(activity=old_call("open"), text="Call back")
    id = api.id("CreateActivity", {"call_id": "recorded"})
    api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={id}")
    Activity.objects.filter(pk=id).update(start=OLD)
    assert "Archived 0 calls." in run()
    assert left() == ["held", "held-contact", "open", "recorded"]

    delete_recording(Recording.objects.get())
    LegalHold.objects.all().delete()
    assert "Archived 2 calls." in run()
    assert left() == ["held", "open"]
    assert [len(row["recordings"]) for row in archived()] == [0, 1]


def test_retention_by_tenant(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"CALL_RETENTION_DAYS": {"a/..": 30, "kept": None, "*": 365}}
    recent = timezone.now() - dt.timedelta(days=60)
    for tenant in ("a/..", "kept", "other"):
        old_call(f"old {tenant}", tenant=tenant)
        old_call(f"recent {tenant}", tenant=tenant, start=recent)
    assert "Archived 3 calls." in run()
    assert left() == ["old kept", "recent kept", "recent other"]
    folders = {name.split("/")[1] for name in stored()}
    assert folders == {"tenant-a%2F..", "tenant-other"}


def test_parts_and_batches_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PART", 5)
    monkeypatch.setattr(archive, "BATCH", 2)
    for n in range(12):
        old_call(f"{n:02}", legal_hold=n in (0, 4, 5, 11))
    assert "Archived 8 calls." in run()
    assert left() == ["00", "04", "05", "11"]
    assert sum(AuditEntry.objects.values_list("details__calls", flat=True)) == 8


def test_files_are_optional() -> None:
    old_call("old")
    assert "Deleted 1 calls." in run("--no-files")
    assert (left(), stored()) == ([], [])


def test_call_that_changes_while_files_are_written_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    call = old_call("old")
    save = FileSystemStorage.save

    def change(*args: Any, **kwargs: Any) -> Any:
        call.comment = "changed"
        call.save()
        return save(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "save", change)
        assert "Archived 0 calls." in run()
    assert left() == ["old"]
    assert "Archived 1 calls." in run()


def test_failing_storage_deletes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    old_call("old")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "save", fail)
        with pytest.raises(OSError, match="disk full"):
            run()
    assert left() == ["old"]
    assert "Archived 1 calls." in run()


def test_second_run_is_refused_while_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    old_call("old")
    save = FileSystemStorage.save

    def start_again(*args: Any, **kwargs: Any) -> Any:
        with pytest.raises(CommandError, match="already running"):
            run()
        return save(*args, **kwargs)

    monkeypatch.setattr(FileSystemStorage, "save", start_again)
    assert "Archived 1 calls." in run()


def test_setting_is_required(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {}
    with pytest.raises(CommandError, match="CALL_RETENTION_DAYS"):
        run()
