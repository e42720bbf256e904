"""Uploads of recordings: each format of the request, each error, both kinds of storage."""

from __future__ import annotations

import base64
import errno
import gzip
import io
import json
import os
import threading
import zipfile
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.files.storage import FileSystemStorage, Storage
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_save
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from ringotel_crm.hooks.uploads import IN_MEMORY
from ringotel_crm.models import Activity, Recording
from ringotel_crm.services.recordings import store
from tests.api import Api, error
from tests.fixtures.recordings import FILES, UseStorage, content, stored
from tests.fixtures.web import Web
from tests.media.audio_samples import OTHER, SOUND, sample, wav

pytestmark = pytest.mark.django_db

BOUNDARY = "frontier"
LIMIT = 100_000


@pytest.fixture(autouse=True)
def _limit(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"RECORDING_MAX_BYTES": LIMIT, "FETCH_ALLOW_HTTP": True}


def multipart(data: bytes, declared: str = "audio/wav") -> tuple[bytes, str]:
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="recording"; filename="../../x.php"\r\n'
        f"Content-Type: {declared}\r\n\r\n"
    )
    return (
        head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode(),
        f"multipart/form-data; boundary={BOUNDARY}",
    )


class Way:
    """A format of the request."""

    def __init__(self, name: str, api: Api, web: Web) -> None:
        self.name, self.api, self.web = name, api, web

    def send(self, call: str, data: bytes, *, declared: str = "audio/wav", off: int = 0) -> Any:
        """The response to a request that is ``off`` bytes shorter than it states."""
        if self.name == "url":
            url = self.web.serve(data, length=len(data) + off, content_type=declared)
            return self.api.call("UpdateCallRecording", {"id": call, "recording_url": url})
        body, content_type = data, declared
        if self.name == "multipart":
            body, content_type = multipart(data, declared)
        elif self.name == "json":
            body = json.dumps({"recording": base64.b64encode(data).decode()}).encode()
            content_type = "application/json"
        # The test client of Django fails for a body of another length than stated.
        environ: dict[str, Any] = {
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(body) + off),
            "wsgi.input": io.BytesIO(body),
        }
        return self.api.send(
            "UpdateCallRecording", b"", content_type, query=f"id={call}", **environ
        )


@pytest.fixture(params=["multipart", "raw", "json", "url"])
def way(request: pytest.FixtureRequest, api: Api, web: Web) -> Way:
    return Way(request.param, api, web)


def the_recording() -> Recording:
    return Recording.objects.get()


def assert_refused(response: Any, status: int, field: str | None = None) -> None:
    found = error(response, status)
    assert field is None or list(found["fields"]) == [field]
    assert not Recording.objects.exists()
    assert stored() == []


def test_each_audio_format_is_stored(way: Way, storage: Storage, api: Api) -> None:
    for name, (content_type, extension, codec) in SOUND.items():
        call = api.id("CreateActivity", {"call_id": name})
        answer = way.send(call, sample(name)).json()
        recording = Recording.objects.get(activity_id=int(call))
        assert answer == {
            "id": call,
            "recording_url": f"http://testserver/ringotel/recordings/{recording.pk}/",
        }
        assert (recording.content_type, recording.codec, recording.size) == (
            content_type,
            codec,
            len(sample(name)),
        )
        assert str(recording.file.name).endswith(extension)
        assert content(str(recording.file.name)) == sample(name)
    assert sorted(stored()) == sorted(Recording.objects.values_list("file", flat=True))


def test_truncated_request_is_refused(way: Way, storage: Storage, call: str) -> None:
    for name in ("pcm.wav", "opus.ogg", "aac.m4a", "bare.mp3", "opus.webm", "flac.flac"):
        assert_refused(
            way.send(call, sample(name)[:-20], off=20), 502 if way.name == "url" else 400
        )


def test_truncated_file_is_refused(way: Way, storage: Storage, call: str) -> None:
    for name in ("opus.ogg", "aac.m4a", "flac.flac"):
        assert_refused(way.send(call, sample(name)[:40]), 415, "recording")


def test_empty_file_is_refused(way: Way, storage: Storage, call: str) -> None:
    assert_refused(way.send(call, b""), 415 if way.name == "url" else 400, "recording")


def test_large_file_is_refused(way: Way, storage: Storage, call: str) -> None:
    for size in (LIMIT + 1, 3 * LIMIT):
        data = sample("pcm.wav").ljust(size, b"\0")
        assert_refused(
            way.send(call, data), 413, "recording_url" if way.name == "url" else "recording"
        )


def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("call.wav", bytes(20_000_000))
    return file.getvalue()


def test_file_that_is_not_audio_is_refused(way: Way, storage: Storage, call: str) -> None:
    bombs = [zip_bomb(), gzip.compress(bytes(20_000_000))]
    for data in (b"<!DOCTYPE html>", b"not found", *map(sample, OTHER), *bombs):
        assert_refused(way.send(call, data), 415, "recording")


def test_compressed_data_in_a_wave_file_is_not_unpacked(
    way: Way, storage: Storage, call: str
) -> None:
    bomb = wav((b"fmt ", sample("pcm.wav")[20:36]), (b"data", zip_bomb()))
    assert way.send(call, bomb).status_code == 200
    assert content(str(the_recording().file.name)) == bomb


DECLARED = ["audio/mpeg", "audio/x-unknown", "application/octet-stream", "binary/octet-stream"]
DECLARED += ["application/ogg", "video/webm", "text/plain", "application/x-www-form-urlencoded", ""]


@pytest.mark.parametrize("declared", DECLARED)
def test_declared_type_is_ignored(way: Way, api: Api, call: str, declared: str) -> None:
    assert way.send(call, sample("opus.ogg"), declared=declared).status_code == 200
    recording = the_recording()
    assert (recording.content_type, str(recording.file.name)[-4:]) == ("audio/ogg", ".ogg")


def test_bytes_before_the_first_frame_are_kept(way: Way, storage: Storage, call: str) -> None:
    damaged = b"\0\0\0\0" + sample("vbr.mp3")
    assert way.send(call, damaged).status_code == 200
    recording = the_recording()
    assert (recording.content_type, recording.codec) == ("audio/mpeg", "mp3")
    assert content(str(recording.file.name)) == damaged


def test_bytes_after_the_stated_length_are_ignored(way: Way, storage: Storage, call: str) -> None:
    """Multipart and JSON have an end of their own, which is then missing."""
    response = way.send(call, sample("pcm.wav"), off=-20)
    if way.name in ("multipart", "json"):
        assert_refused(response, 400)
    else:
        assert content(str(the_recording().file.name)) == sample("pcm.wav")[:-20]


def test_request_without_file_and_url_is_refused(api: Api, call: str) -> None:
    for document in (
        {},
        {"recording_url": "$recording_url$"},
        {"recording": "", "recording_url": ""},
    ):
        assert_refused(api.call("UpdateCallRecording", {"id": call, **document}), 400, "recording")


# Names, repetition, replacement


def test_name_is_random(way: Way, storage: Storage, call: str) -> None:
    way.send(call, sample("pcm.wav"))
    folder, year, month, name = str(the_recording().file.name).split("/")
    assert (folder, len(year), len(month)) == ("ringotel", 4, 2)
    assert len(name) == 32 + len(".wav")
    int(name.removesuffix(".wav"), 16)


def test_same_file_is_stored_once(way: Way, storage: Storage, call: str) -> None:
    answers = [way.send(call, sample("pcm.wav")).json() for _number in range(3)]
    assert answers == answers[:1] * 3
    assert len(stored()) == Recording.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_other_file_replaces_the_first(way: Way, storage: Storage, call: str) -> None:
    first = way.send(call, sample("pcm.wav")).json()
    assert way.send(call, sample("opus.ogg")).json() == first
    assert stored() == [the_recording().file.name]
    assert content(str(the_recording().file.name)) == sample("opus.ogg")


def test_legal_hold_prevents_replacement(way: Way, call: str) -> None:
    way.send(call, sample("pcm.wav"))
    Activity.objects.update(legal_hold=True)
    assert error(way.send(call, sample("opus.ogg")), 409)["code"] == "legal_hold"
    assert content(str(the_recording().file.name)) == sample("pcm.wav")
    assert len(stored()) == 1
    assert way.send(call, sample("pcm.wav")).status_code == 200


def test_deleted_recording_is_not_restored(way: Way, call: str) -> None:
    first = way.send(call, sample("pcm.wav")).json()
    store.delete_recording(the_recording())
    for name in ("pcm.wav", "opus.ogg"):
        assert way.send(call, sample(name)).json() == first
    assert stored() == []


@pytest.mark.django_db(transaction=True)
def test_deletion_during_replacement_deletes_both_files(api: Api, call: str) -> None:
    api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={call}")

    def delete() -> None:
        store.delete_recording(the_recording())
        connection.close()

    thread = threading.Thread(target=delete)

    def delete_now(sender: Any, **kwargs: Any) -> None:
        if thread.ident is None:
            thread.start()
            thread.join(0.5)

    pre_save.connect(delete_now, sender=Recording)
    try:
        assert (
            api.send(
                "UpdateCallRecording", sample("opus.ogg"), "audio/ogg", query=f"id={call}"
            ).status_code
            == 200
        )
        thread.join()
    finally:
        pre_save.disconnect(delete_now, sender=Recording)
    row = the_recording()
    assert (row.deletion_started, row.file.name, bool(row.deleted_at)) == (True, "", True)
    assert stored() == []


def test_unknown_call_is_refused(way: Way, call: str) -> None:
    assert_refused(way.send("999", sample("pcm.wav")), 404, "id")


# Errors of the storage


class FullDisk(FileSystemStorage):
    """Stores a part of a file, then fails."""

    def _save(self, name: str, content: Any) -> str:
        super()._save(name, io.BytesIO(content.read(500)))  # type: ignore[misc]
        raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_leaves_no_file(way: Way, call: str, use_storage: UseStorage) -> None:
    use_storage("tests.services.recordings.test_upload_formats.FullDisk")
    assert_refused(way.send(call, sample("pcm.wav")), 503)
    use_storage(FILES)
    assert way.send(call, sample("pcm.wav")).status_code == 200
    assert stored() == [the_recording().file.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_of_temporary_files_is_reported(
    way: Way, call: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RINGOTEL_CRM |= {"RECORDING_MAX_BYTES": 1_000_000}
    data = sample("piped.wav").ljust(IN_MEMORY + 1000, b"\7")
    with monkeypatch.context() as patch:
        patch.setattr(store, "TemporaryFile", lambda: io.FileIO("/dev/full", "r+"))
        assert_refused(way.send(call, data), 503)
    assert way.send(call, data).status_code == 200


def test_long_file_is_moved_to_its_place(
    api: Api, settings: Settings, tmp_path: Path, use_storage: UseStorage
) -> None:
    settings.RINGOTEL_CRM = {"RECORDING_MAX_BYTES": 1_000_000}
    use_storage(FILES, location=tmp_path, file_permissions_mode=0o640)
    renamed = []
    data = sample("piped.wav").ljust(IN_MEMORY + 1000, b"\7")
    for number in (1, 2):
        with mock.patch.object(os, "rename", wraps=os.rename) as rename:
            assert (
                api.send(
                    "UpdateCallRecording", data, "audio/wav", query=f"call_id={number}"
                ).status_code
                == 200
            )
        renamed.append(rename.call_count)
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert [(path.read_bytes() == data, path.stat().st_mode & 0o777) for path in kept] == [
            (True, 0o640)
        ] * number
    assert renamed == [0, 1]  # the first is copied, since its folder did not exist


def test_long_files_are_sent_to_s3_in_parts(
    api: Api, s3: Any, call: str, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"RECORDING_MAX_BYTES": 50_000_000}
    data = sample("piped.wav").ljust(20_000_000, b"\7")
    parts = []
    s3.bucket.meta.client.meta.events.register(
        "before-call.s3.UploadPart", lambda **facts: parts.append(facts)
    )
    assert api.send("UpdateCallRecording", data, "audio/wav", query=f"id={call}").status_code == 200
    assert len(parts) == 3
    assert content(str(the_recording().file.name)) == data
    assert s3.bucket.Object(the_recording().file.name).content_type == "audio/wav"


def test_encryption_settings_are_sent_to_s3(api: Api, s3: Any, call: str) -> None:
    s3.object_parameters = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/recordings"}
    api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={call}")
    assert s3.bucket.Object(the_recording().file.name).server_side_encryption == "aws:kms"


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_interrupted_upload_to_s3_leaves_no_file(
    api: Api, s3_server: ThreadedMotoServer, s3: Any, call: str, settings: Settings, parts: int
) -> None:
    """S3 stops after ``parts`` parts. Once it is available, the same file is stored."""
    settings.RINGOTEL_CRM = {"RECORDING_MAX_BYTES": 50_000_000}
    data = sample("piped.wav").ljust(20_000_000, b"\7")
    sent = count()

    def stop(**facts: Any) -> None:
        if next(sent) == parts:
            s3_server.stop()

    s3.bucket.meta.client.meta.events.register("before-call.s3.UploadPart", stop)
    response = api.send("UpdateCallRecording", data, "audio/wav", query=f"id={call}")
    assert error(response, 503)["code"] == "unavailable"
    assert not Recording.objects.exists()

    s3_server.start()
    assert stored() == []
    assert len(list(s3.bucket.multipart_uploads.all())) == 1
    call_command("ringotel_check_recordings", "--delete", "--hours=0")
    assert not list(s3.bucket.multipart_uploads.all())
    assert api.send("UpdateCallRecording", data, "audio/wav", query=f"id={call}").status_code == 200
    assert content(str(the_recording().file.name)) == data


def test_storage_that_hangs_is_reported(
    api: Api, s3: Any, call: str, settings: Settings, silent_port: int
) -> None:
    """After the time-out of the storage."""
    options = settings.STORAGES["ringotel_recordings"]["OPTIONS"]
    slow = {**options, "endpoint_url": f"http://127.0.0.1:{silent_port}"}
    settings.STORAGES = {
        **settings.STORAGES,
        "ringotel_recordings": {**settings.STORAGES["ringotel_recordings"], "OPTIONS": slow},
    }
    response = api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={call}")
    assert error(response, 503)["code"] == "unavailable"
    assert not Recording.objects.exists()
