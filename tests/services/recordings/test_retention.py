"""What has to go goes: the old, the orphans, and what was begun."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.media.storage import recording_storage
from ringotel_crm.models import Activity, AuditEntry, LegalHold, Message, Recording
from ringotel_crm.services.recordings.store import delete_recording
from tests.api import Api
from tests.factories import make_contact, set_times
from tests.fixtures.recordings import UseStorage, stored
from tests.media.audio_samples import sample

pytestmark = pytest.mark.django_db

SOUND = sample("pcm.wav")


def record(api: Api, call_id: str, days: int = 0, tenant: str = "") -> Recording:
    """A recording of that age."""
    id = api.id("CreateActivity", {"call_id": call_id})
    api.send("UpdateCallRecording", SOUND, "audio/wav", query=f"id={id}")
    recording = Recording.objects.get(activity_id=int(id))
    set_times(recording, created_at=timezone.now() - dt.timedelta(days=days))
    Activity.objects.filter(pk=id).update(tenant=tenant)
    return recording


def run(command: str, *options: str) -> str:
    output = StringIO()
    call_command(command, *options, stdout=output, stderr=output)
    return output.getvalue()


def alive() -> list[str]:
    """Return the ids of the calls whose recording can be played. Every file must have a row."""
    rows = Recording.objects.filter(deletion_started=False)
    assert sorted(stored()) == sorted(str(row.file.name) for row in rows)
    return sorted(row.activity.call_id for row in rows)


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (None, ["a-5", "a-50", "b-5", "b-50", "c-50"]),
        (40, ["a-5", "b-5"]),
        ({"a": 40}, ["a-5", "b-5", "b-50", "c-50"]),
        ({"a": 40, "*": 3}, ["a-5"]),
        ({"a": None, "*": 40}, ["a-5", "a-50", "b-5"]),
        ({"a": 3, "b": 40, "": 3}, ["b-5"]),
        ({"*": None}, ["a-5", "a-50", "b-5", "b-50", "c-50"]),
    ],
)
def test_by_age_and_tenant(api: Api, settings: Settings, days: Any, left: list[str]) -> None:
    for call_id, age, tenant in (
        ("a-5", 5, "a"),
        ("a-50", 50, "a"),
        ("b-5", 5, "b"),
        ("b-50", 50, "b"),
        ("c-50", 50, ""),
    ):
        record(api, call_id, age, tenant)
    settings.RINGOTEL_CRM = {"RECORDING_RETENTION_DAYS": days}
    run("ringotel_delete_expired_recordings")
    assert alive() == left


def test_the_row_keeps_the_fact(api: Api, storage: Storage, settings: Settings) -> None:
    recording = record(api, "c-1", 11)
    settings.RINGOTEL_CRM = {"RECORDING_RETENTION_DAYS": 10}
    before = timezone.now()
    assert "Deleted 1 recordings" in run("ringotel_delete_expired_recordings")
    recording.refresh_from_db()
    assert stored() == []
    assert (recording.file.name, recording.deletion_started, recording.size) == (
        "",
        True,
        len(SOUND),
    )
    assert recording.deleted_at
    assert before < recording.deleted_at < timezone.now()
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.user_name) == ("deleted", str(recording.pk), "")
    assert entry.details == {"reason": "retention"}
    assert "Deleted 0 recordings" in run("ringotel_delete_expired_recordings")
    assert AuditEntry.objects.count() == 1


def test_dry_run(api: Api, settings: Settings) -> None:
    record(api, "c-1", 11)
    settings.RINGOTEL_CRM = {"RECORDING_RETENTION_DAYS": 10}
    assert (
        run("ringotel_delete_expired_recordings", "--dry-run")
        == f"Would delete 1 recordings ({len(SOUND):,} bytes).\n"
    )
    assert alive() == ["c-1"]


def hold_call(recording: Recording) -> None:
    Activity.objects.filter(pk=recording.activity_id).update(legal_hold=True)


def hold_contact(recording: Recording) -> None:
    contact = make_contact()
    kind = ContentType.objects.get_for_model(contact)
    Activity.objects.filter(pk=recording.activity_id).update(
        contact_type=kind, contact_id=str(contact.pk)
    )
    LegalHold.objects.create(contact_type=kind, contact_id=str(contact.pk), reason="court case")


@pytest.mark.parametrize("hold", [hold_call, hold_contact])
def test_legal_holds(api: Api, settings: Settings, hold: Callable[[Recording], None]) -> None:
    held = record(api, "held", 11)
    hold(held)
    record(api, "free", 11)
    settings.RINGOTEL_CRM = {"RECORDING_RETENTION_DAYS": 10}
    assert "Deleted 1 recordings" in run("ringotel_delete_expired_recordings")
    assert alive() == ["held"]
    assert delete_recording(held) is False
    LegalHold.objects.all().delete()
    Activity.objects.update(legal_hold=False)
    run("ringotel_delete_expired_recordings")
    assert alive() == []


def test_a_hold_on_somebody_else(api: Api, settings: Settings) -> None:
    hold_contact(record(api, "c-1", 11))
    LegalHold.objects.update(tenant="other")
    settings.RINGOTEL_CRM = {"RECORDING_RETENTION_DAYS": 10}
    run("ringotel_delete_expired_recordings")
    assert alive() == []


class Stubborn(FileSystemStorage):
    """Fails to delete, the first time."""

    failed: set[str] = set()

    def delete(self, name: str) -> None:
        if name not in self.failed:
            self.failed.add(name)
            raise OSError("The storage is down.")
        super().delete(name)


def test_it_goes_on_where_it_was_stopped(
    api: Api, settings: Settings, use_storage: UseStorage
) -> None:
    use_storage("tests.services.recordings.test_retention.Stubborn")
    rows = [record(api, f"c-{number}", 11) for number in range(3)]
    settings.RINGOTEL_CRM = {"RECORDING_RETENTION_DAYS": 10}
    with pytest.raises(CommandError, match="3 recordings could not be deleted"):
        run("ringotel_delete_expired_recordings")
    assert Recording.objects.filter(deletion_started=True, deleted_at=None).count() == 3
    assert len(stored()) == 3
    settings.RINGOTEL_CRM = {}
    assert "Deleted 3 recordings" in run("ringotel_delete_expired_recordings")
    assert alive() == []
    assert AuditEntry.objects.count() == len(rows)


def test_rows_are_not_deleted_with_their_calls(api: Api) -> None:
    recording = record(api, "c-1")
    with pytest.raises(ProtectedError), transaction.atomic(using=connection.alias):
        recording.activity.delete()


# --- files and rows ---


def put(name: str, hours: float) -> str:
    """Store a file whose modification time is ``hours`` ago."""
    storage = recording_storage()
    storage.save(name, ContentFile(SOUND))
    then = timezone.now().timestamp() - 3600 * hours
    if isinstance(storage, FileSystemStorage):
        os.utime(storage.path(name), (then, then))
    return name


def test_orphans(api: Api) -> None:
    record(api, "c-1")
    file = Recording.objects.get().file
    os.utime(file.path, (0, 0))
    kept = str(file.name)
    old = put("ringotel/2025/07/old.wav", 1.1)
    young = put("ringotel/2026/01/young.wav", 0.9)
    photo = put("ringotel-messages/2026/01/old", 1.1)
    others = [
        put(name, 9)
        for name in ("ringotel/readme.txt", "ringotel-messages/2026/01/x", "avatars/una.png")
    ]
    Message.objects.create(message_id="m-1", file="ringotel-messages/2026/01/x")

    assert f"Orphaned file: {old}\n" in run("ringotel_check_recordings")
    assert old in stored()
    output = run("ringotel_check_recordings", "--delete")
    assert f"Deleted file: {old}\n" in output
    assert f"Deleted file: {photo}\n" in output
    assert "Orphaned files: 2. Incomplete uploads deleted: 0. Missing files: 0." in output
    assert sorted(stored()) == sorted([kept, young, *others])
    run("ringotel_check_recordings", "--delete", "--hours", "0.5")
    assert sorted(stored()) == sorted([kept, *others])


def test_orphans_on_s3(api: Api, s3: Any) -> None:
    record(api, "c-1")
    put("ringotel/2025/07/old.wav", 0)
    upload = s3.bucket.Object("ringotel/2025/07/broken.wav").initiate_multipart_upload()
    upload.Part(1).upload(Body=b"x")
    for name in ("other/broken", "other/ringotel/broken"):
        s3.bucket.Object(name).initiate_multipart_upload()
    assert "Orphaned files: 0." in run("ringotel_check_recordings")
    assert "Orphaned files: 1. Incomplete uploads deleted: 1." in run(
        "ringotel_check_recordings", "--delete", "--hours=0"
    )
    assert alive() == ["c-1"]
    left = [upload.object_key for upload in s3.bucket.multipart_uploads.all()]
    assert left == ["other/broken", "other/ringotel/broken"]


def test_an_empty_storage(storage: Storage) -> None:
    assert "Orphaned files: 0. Incomplete uploads deleted: 0. Missing files: 0." in run(
        "ringotel_check_recordings", "--delete"
    )


def test_lost_files(api: Api, storage: Storage) -> None:
    recording = record(api, "c-1")
    record(api, "c-2")
    storage.delete(str(recording.file.name))
    with pytest.raises(CommandError, match="Files are missing"):
        run("ringotel_check_recordings")


@pytest.mark.parametrize("step", ["before the row", "after the bytes"])
def test_a_process_that_is_killed(
    api: Api, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path, step: str
) -> None:
    """Whatever was done by then is found and brought to an end."""

    class Killed(BaseException):
        pass

    def die(*args: Any, **kwargs: Any) -> None:
        raise Killed

    if step == "before the row":
        id = api.id("CreateActivity", {"call_id": "c-1"})
        with monkeypatch.context() as patch:
            patch.setattr(Recording, "save", die)
            patch.setattr(FileSystemStorage, "delete", die)
            with pytest.raises(Killed):
                api.send("UpdateCallRecording", SOUND, "audio/wav", query=f"id={id}")
        assert len(stored()) == 1
        run("ringotel_check_recordings", "--delete", "--hours=0")
    else:
        recording = record(api, "c-1")
        with monkeypatch.context() as patch:
            patch.setattr(Recording, "save", die)
            with pytest.raises(Killed):
                delete_recording(recording)
        assert Recording.objects.get().deletion_started
        assert "Missing files: 0." in run("ringotel_check_recordings")
        run("ringotel_delete_expired_recordings")
        assert Recording.objects.get().deleted_at
    assert alive() == []
