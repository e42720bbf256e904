"""Erasing and exporting a person."""

from __future__ import annotations

import json
import os
import signal
import stat
import tracemalloc
import zipfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm import signals
from ringotel_crm.backends.memory import MemoryBackend, store
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import (
    Activity,
    AuditEntry,
    Conversation,
    FollowUp,
    LegalHold,
    Message,
    Note,
    Recording,
    Webhook,
    WebhookEvent,
)
from ringotel_crm.records import ContactRecord
from tests.api import Api
from tests.factories import make_contact, make_user, number
from tests.fixtures.recordings import stored
from tests.fixtures.web import Web
from tests.media.audio_samples import sample
from tests.webhooks.sender import Sender, make_webhook, started

pytestmark = pytest.mark.django_db

SOUND = sample("pcm.wav")
ADA, BEN, STRANGER, OFFICE = number(1), number(2), number(3), number(4)


def run(command: str, *options: str) -> str:
    output = StringIO()
    call_command(command, *options, stdout=output, stderr=output)
    return output.getvalue()


def erase(*options: str) -> Any:
    return json.loads(run("ringotel_erase_person", *options))


def call(
    api: Api,
    call_id: str,
    caller: str,
    *,
    outbound: bool = False,
    record: bool = True,
    **fields: Any,
) -> str:
    numbers = (
        {"caller_number": "200", "called_number": caller}
        if outbound
        else {"caller_number": caller, "called_number": "200"}
    )
    kind = "outbound" if outbound else "inbound"
    id = api.id("CreateActivity", {"call_id": call_id, "activity_type": kind, **numbers, **fields})
    api.ok("StopCallActivity", {"id": id, "call_duration": 60, "call_cause": "16"})
    if record:
        api.send("UpdateCallRecording", SOUND, "audio/wav", query=f"id={id}")
    return id


@pytest.fixture
def ada(api: Api) -> Contact:
    """Return a contact with three calls, one of them unassigned, among data of other people."""
    make_user("una", extension="200")
    before = call(api, "before", f"+{ADA.lstrip('+')}")
    contact = make_contact("Ada Example", ADA, OFFICE, email="ada@example.com")
    Note.objects.create(contact=contact, contact_name="Ada Example", text="Ada likes tea")
    FollowUp.objects.create(contact=contact, contact_name="Ada Example", text="Send Ada tea")
    make_contact("Ben Sample", BEN, OFFICE)
    call(api, "in", ADA, subject="Ada's order", comment="Ada wants tea", extension="200")
    call(api, "out", ADA, outbound=True)
    call(api, "ben", BEN)
    call(api, "office", OFFICE, contact_id="")
    Activity.objects.filter(call_id="office").update(
        contact_type=None, contact_id="", contact_name=""
    )
    call(api, "stranger", STRANGER)
    make_user("root")
    recording, note = Recording.objects.get(activity_id=int(before)), Note.objects.get()
    on_call = FollowUp.objects.create(activity=recording.activity, text="Call Ada")
    for row in (contact, recording.activity, recording, note, on_call):
        log(row, "Ada Example")
    return contact


def log(row: Any, name: str) -> LogEntry:
    """Create a log entry of the admin for a change of ``row``."""
    facts = {"object_id": str(row.pk), "object_repr": name, "action_flag": CHANGE}
    return LogEntry.objects.create(
        user=User.objects.get(username="root"),
        content_type=ContentType.objects.get_for_model(row),
        **facts,
    )


def dump_tables() -> str:
    """Return the content of all tables as text."""
    models = [
        model
        for model in apps.get_models()
        if model._meta.app_label in ("ringotel_crm", "ringotel_minicrm", "admin")
    ]
    return json.dumps([list(model._default_manager.values()) for model in models], default=str)


TRACES = ("Ada", "ada@example", "tea", ADA, ADA.lstrip("+"))


def test_admin_log_of_namesakes_is_kept(ada: Contact) -> None:
    deleted = make_contact("Ada Example", BEN)
    entries = [
        log(make_contact("Ada Example"), "Ada Example"),
        log(deleted, "Ada Example"),
        log(ada, "Ada Example"),
    ]
    deleted.delete()
    erase("--contact", str(ada.pk), "--user", "una")
    assert [LogEntry.objects.get(pk=entry.pk).object_repr for entry in entries] == [
        "Ada Example",
        "",
        "",
    ]


def test_contact_is_erased(ada: Contact) -> None:
    assert all(trace in dump_tables() for trace in TRACES)
    kept = ("start", "end", "duration", "agent_name", "status", "direction")
    before = list(Activity.objects.order_by("pk").values(*kept))
    receipt = erase("--contact", str(ada.pk), "--user", "una")
    entry_id = receipt.pop("audit_entry")
    assert [trace for trace in TRACES if trace in dump_tables()] == []
    assert (
        receipt.items()
        >= {
            "contact": str(ada.pk),
            "contact_deleted": True,
            "calls": 3,
            "recordings": 3,
            "numbers": 1,
            "notes": 1,
            "follow_ups": 2,
            "log_entries": 5,
        }.items()
    )
    # Time, duration and agent of the calls are kept.
    assert list(Activity.objects.order_by("pk").values(*kept)) == before
    # Data of other people is kept.
    recordings = Recording.objects.exclude(file="")
    recorded_calls = recordings.values_list("activity__call_id", flat=True)
    assert sorted(recorded_calls) == ["ben", "office", "stranger"]
    assert len(stored()) == 3
    assert Contact.objects.get().first_name == "Ben"
    entry = AuditEntry.objects.get(action="erased")
    assert entry.pk == entry_id
    assert (entry.kind, entry.object_id, entry.user_name, entry.details) == (
        "person",
        str(ada.pk),
        "una",
        receipt,
    )


def test_erased_calls_have_new_ids(ada: Contact) -> None:
    """Neither Ringotel's id of the call nor an id derived from the number is kept."""
    erase("--contact", str(ada.pk))
    erased = Activity.objects.exclude(call_id__in=["ben", "office", "stranger"])
    assert all(call.call_id.startswith("erased-") for call in erased)
    assert {
        (call.contact_type, call.contact_id, call.contact_name, call.comment) for call in erased
    } == {(None, "", "", "")}


def test_dry_run_erases_nothing(ada: Contact) -> None:
    before = dump_tables()
    assert erase("--contact", str(ada.pk), "--dry-run")["recordings"] == 3
    assert dump_tables() == before
    assert len(stored()) == 6


def test_caller_without_contact_is_erased(ada: Contact) -> None:
    receipt = erase("--number", STRANGER)
    assert (
        receipt["contact"],
        receipt["contact_deleted"],
        receipt["calls"],
        receipt["recordings"],
    ) == (
        "",
        False,
        1,
        1,
    )
    assert STRANGER not in dump_tables()
    assert ADA in dump_tables()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--contact", "999"], "No contact has this id"),
        (["--contact", "x"], "No contact has this id"),
        (["--number", "anonymous"], "valid phone number"),
        (["--number", ADA], "number of a contact"),
        (["--contact", "1", "--user", "unknown"], "unknown user"),
    ],
)
def test_invalid_options_erase_nothing(ada: Contact, options: list[str], reason: str) -> None:
    before = dump_tables()
    with pytest.raises(CommandError, match=reason):
        run("ringotel_erase_person", *options)
    assert dump_tables() == before


def receive_events(contact: Contact, web: Web) -> None:
    """Receive webhook events about Ada, in several notations of her number, and about Ben."""
    sender = Sender(make_webhook())
    calls = [
        {"call_id": "in", "caller_number": ADA.replace("+44", "0")},
        {"call_id": "group", "caller_number": ADA.replace("+44", "0044 "), "extension": "201"},
        {"call_id": "withheld", "caller_number": "anonymous", "caller_name": "Ada"},
        {"call_id": "ben", "caller_number": BEN},
    ]
    sender.send(*(started(**fields) for fields in calls))
    Activity.objects.filter(call_id="withheld").update(
        contact_type=ContentType.objects.get_for_model(contact),
        contact_id=str(contact.pk),
        contact_name="Ada Example",
    )
    messages = [
        (
            "message",
            {"messageid": "m-1", "from": ADA, "to": "200", "content": "Ada here", "type": 1},
        ),
        ("updated", {"messageid": "m-1", "content": "More tea"}),
        (
            "message",
            {
                "messageid": "m-2",
                "from": ADA,
                "to": "200",
                "content": web.serve(b"photo"),
                "type": 2,
            },
        ),
        ("message", {"messageid": "m-3", "from": BEN, "to": "200", "content": "Ben", "type": 1}),
    ]
    sender.send(*({"method": method, "params": params} for method, params in messages))


def test_webhook_data_is_exported_and_erased(
    ada: Contact, web: Web, settings: Settings, admin_client: Client, tmp_path: Path
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "GB", "FETCH_ALLOW_HTTP": True}
    receive_events(ada, web)
    conversation = Conversation.objects.get(contact_id=str(ada.pk))
    admin_client.post(f"/admin/ringotel_crm/conversation/{conversation.pk}/change/", {"reply": ""})
    assert LogEntry.objects.filter(object_repr="Ada Example").count() == 6

    run("ringotel_export_person", "--contact", str(ada.pk), "--output", str(tmp_path / "ada.zip"))
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        assert [
            archive.read(name) for name in archive.namelist() if name.startswith("messages/")
        ] == [b"photo"]
        data = json.loads(archive.read("data.json"))
    assert [message["text"] for message in data["messages"]] == ["More tea", ""]
    assert [event["body"]["method"] for event in data["events"]] == ["StartCallActivity"] * 3 + [
        *("message", "updated", "message")
    ]
    assert {phone["caller_number"] for phone in data["phones"]} == {
        *(ADA.replace("+44", "0"), ADA.replace("+44", "0044 "), "anonymous")
    }

    receipt = erase("--contact", str(ada.pk))
    assert (receipt["events"], receipt["messages"], receipt["log_entries"]) == (6, 2, 6)
    traces = (*TRACES, ADA.replace("+44", "0"), "withheld", "m-1")
    assert [trace for trace in traces if trace in dump_tables()] == []
    assert [path for path in stored() if path.startswith("ringotel-messages")] == []
    assert BEN in dump_tables()
    assert WebhookEvent.objects.count() == 2


def test_failing_storage_rolls_back_erasure(
    ada: Contact, web: Web, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the receipt would list a file as deleted that exists."""
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "GB", "FETCH_ALLOW_HTTP": True}
    receive_events(ada, web)

    def fail(storage: Any, name: str) -> None:
        raise OSError("not now")

    Recording.objects.filter(activity__contact_id=str(ada.pk)).update(
        deletion_started=True, file="", deleted_at=timezone.now()
    )
    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "delete", fail)
        with pytest.raises(OSError, match="not now"):
            run("ringotel_erase_person", "--contact", str(ada.pk))
    assert Message.objects.filter(conversation__contact_id=str(ada.pk)).count() == 2
    assert erase("--contact", str(ada.pk))["messages"] == 2


def test_erasure_reads_no_events_of_others(ada: Contact, web: Web, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "GB", "FETCH_ALLOW_HTTP": True}
    receive_events(ada, web)
    webhook = Webhook.objects.get()
    events = [
        WebhookEvent(webhook=webhook, method="StartCallActivity", body="not JSON", status="ignored")
        for _ in range(2000)
    ]
    WebhookEvent.objects.bulk_create(events)
    assert erase("--contact", str(ada.pk))["events"] == 6
    assert WebhookEvent.objects.count() == 2002


def test_number_in_text_and_unprocessed_event_are_erased(ada: Contact, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "GB", "PROCESS_WEBHOOK_EVENTS": False}
    sender = Sender(make_webhook())
    sent = {"messageid": "m-9", "from": BEN, "to": "200", "type": 1}
    sender.send(
        started(call_id="new", caller_number=ADA.replace("+44", "0")),
        {"method": "message", "params": {**sent, "content": f"Call {ADA.lstrip('+')}!"}},
        {"method": "message", "params": {**sent, "senderid": ADA, "content": "Hi"}},
        {"method": "message", "params": {**sent, "content": "Hi"}},
        {"method": "message", "params": "invalid"},
    )
    assert erase("--contact", str(ada.pk))["events"] == 3
    assert WebhookEvent.objects.count() == 2


def test_contacts_are_locked_for_the_same_number_of_queries_whatever_the_calls(
    api: Api, ada: Contact
) -> None:
    def queries_under_lock(contact: Contact) -> int:
        with CaptureQueriesContext(connection) as queries:
            erase("--contact", str(contact.pk))
        statements = [query["sql"] for query in queries]
        locked = [i for i, sql in enumerate(statements) if "'contacts " in sql]
        assert len(locked) == 1
        return len(statements) - locked[0]

    busy = make_contact("Bea Busy", number(9))
    for n in range(30):
        call(api, f"busy-{n}", number(9), record=False)
    assert queries_under_lock(busy) <= queries_under_lock(ada)


def test_terminated_erasure_does_not_delay_the_next_one(ada: Contact) -> None:
    def terminate(sender: Any, **kwargs: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    signals.erase_person.connect(terminate)
    try:
        with pytest.raises(SystemExit):
            erase("--contact", str(ada.pk))
    finally:
        signals.erase_person.disconnect(terminate)

    assert erase("--contact", str(ada.pk))["calls"] == 3
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_second_erasure_is_refused_while_one_runs(ada: Contact) -> None:
    def erase_again(sender: Any, **kwargs: Any) -> None:
        with pytest.raises(CommandError, match="already running"):
            erase("--contact", str(ada.pk))

    signals.erase_person.connect(erase_again)
    try:
        assert erase("--contact", str(ada.pk))["calls"] == 3
    finally:
        signals.erase_person.disconnect(erase_again)


def test_deleted_contact_is_erased(ada: Contact, web: Web, settings: Settings) -> None:
    """Deleting a contact in the admin keeps calls, messages and notes."""
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "GB", "FETCH_ALLOW_HTTP": True}
    receive_events(ada, web)
    # The call with a withheld number cannot be found by number.
    Activity.objects.filter(call_id="withheld").delete()
    WebhookEvent.objects.filter(body__contains="withheld").delete()
    pk = str(ada.pk)
    ada.delete()
    receipt = erase("--number", ADA)
    assert (receipt["contact_deleted"], receipt["recordings"], receipt["messages"]) == (False, 3, 2)
    assert erase("--contact", pk)["notes"] == 1
    assert [trace for trace in TRACES if trace in dump_tables()] == []
    with pytest.raises(CommandError, match="No contact has this id"):
        run("ringotel_erase_person", "--contact", pk)


def test_contact_without_number_is_erased(ada: Contact, tmp_path: Path) -> None:
    contact = make_contact("Cleo Sample", email="cleo@example.com")
    run(
        "ringotel_export_person",
        "--contact",
        str(contact.pk),
        "--output",
        str(tmp_path / "cleo.zip"),
    )
    receipt = erase("--contact", str(contact.pk))
    assert (receipt["contact_deleted"], receipt["numbers"], receipt["calls"]) == (True, 0, 0)
    assert "cleo" not in dump_tables()
    assert ADA in dump_tables()


@pytest.mark.parametrize("of_contact", [True, False])
def test_legal_hold_prevents_erasure(ada: Contact, of_contact: bool) -> None:
    if of_contact:
        kind = ContentType.objects.get_for_model(ada)
        LegalHold.objects.create(contact_type=kind, contact_id=str(ada.pk), reason="court case")
    else:
        Activity.objects.filter(call_id="out").update(legal_hold=True)
    before = dump_tables()
    with pytest.raises(CommandError, match="legal hold"):
        run("ringotel_erase_person", "--contact", str(ada.pk))
    assert dump_tables() == before
    assert len(stored()) == 6


@pytest.fixture
def host_rows() -> Iterator[list[str]]:
    """Connect a host's receivers with data about people. The erasure fails once."""
    rows = ["Ada's parcel"]
    failures = [OSError("not now")]

    def erase_rows(sender: Any, *, person: Any, **kwargs: Any) -> dict[str, int]:
        if failures:
            raise failures.pop()
        count = len(rows)
        rows.clear()
        return {"parcels": count}

    def export_rows(sender: Any, **kwargs: Any) -> dict[str, list[str]]:
        return {"parcels": rows}

    signals.erase_person.connect(erase_rows)
    signals.export_person.connect(export_rows)
    yield rows
    signals.erase_person.disconnect(erase_rows)
    signals.export_person.disconnect(export_rows)


def test_receivers_erase_and_failed_erasure_can_be_repeated(
    ada: Contact, host_rows: list[str]
) -> None:
    with pytest.raises(OSError, match="not now"):
        run("ringotel_erase_person", "--contact", str(ada.pk))
    assert Contact.objects.filter(pk=ada.pk).exists()
    receipt = erase("--contact", str(ada.pk))
    assert (receipt["parcels"], receipt["contact_deleted"], receipt["calls"]) == (1, True, 3)
    assert host_rows == []
    assert [trace for trace in TRACES if trace in dump_tables()] == []


def test_contact_is_kept_without_can_delete(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": "ringotel_crm.backends.memory.MemoryBackend"}
    monkeypatch.setattr(MemoryBackend.contact_directory, "can_delete", False)
    monkeypatch.setattr(
        store, "contacts", {"7": ContactRecord(id="7", first_name="Ada", phone=ADA)}
    )
    call(api, "in", ADA)
    receipt = erase("--contact", "7")
    assert (receipt["contact_deleted"], receipt["calls"]) == (False, 1)
    assert store.contacts
    monkeypatch.setattr(MemoryBackend.contact_directory, "can_delete", True)
    assert erase("--contact", "7")["contact_deleted"] is True
    assert not store.contacts


# Export


def test_export_contains_all_data(ada: Contact, tmp_path: Path) -> None:
    path = tmp_path / "ada.zip"
    output = run(
        "ringotel_export_person", "--contact", str(ada.pk), "--output", str(path), "--user", "una"
    )
    assert "calls: 3, recordings: 3, notes: 1, follow_ups: 2" in output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        data = json.loads(archive.read("data.json"))
        assert archive.read(names[1]) == SOUND
    assert data["contact"]["email"] == "ada@example.com"
    assert data["numbers"] == [ADA, OFFICE]
    assert [row["call_id"] for row in data["calls"]] == ["before", "in", "out"]
    assert data["calls"][1]["comment"] == "Ada wants tea"
    assert data["notes"][0]["text"] == "Ada likes tea"
    assert [row["text"] for row in data["follow_ups"]] == ["Send Ada tea", "Call Ada"]
    assert sorted(names) == sorted(
        ["data.json", *(f"recordings/{row['id']}.wav" for row in data["calls"])]
    )
    assert BEN not in json.dumps(data)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.user_name) == ("exported", str(ada.pk), "una")


def test_export_lists_deleted_recordings(ada: Contact, tmp_path: Path) -> None:
    from ringotel_crm.services.recordings.store import delete_recording

    delete_recording(Recording.objects.get(activity__call_id="in"))
    run("ringotel_export_person", "--contact", str(ada.pk), "--output", str(tmp_path / "ada.zip"))
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        assert len(archive.namelist()) == 3
        deleted = [row["deleted_at"] for row in json.loads(archive.read("data.json"))["recordings"]]
    assert [bool(at) for at in deleted] == [False, True, False]


def test_failed_export_leaves_no_file(ada: Contact, tmp_path: Path) -> None:
    recording = Recording.objects.get(activity__call_id="out")
    recording.file.delete(save=False)
    with pytest.raises(FileNotFoundError):
        run(
            "ringotel_export_person",
            "--contact",
            str(ada.pk),
            "--output",
            str(tmp_path / "ada.zip"),
        )
    assert list(tmp_path.glob("*.zip")) == []
    assert not AuditEntry.objects.exists()
    (tmp_path / "there.zip").write_text("mine")
    with pytest.raises(CommandError, match="exists"):
        run(
            "ringotel_export_person",
            "--contact",
            str(ada.pk),
            "--output",
            str(tmp_path / "there.zip"),
        )
    assert (tmp_path / "there.zip").read_text() == "mine"


def test_export_reads_a_page_at_a_time(ada: Contact, tmp_path: Path) -> None:
    kind = ContentType.objects.get_for_model(ada)
    about = {"contact_type": kind, "contact_id": str(ada.pk), "comment": "x" * 4000}
    calls = [Activity(call_id=f"long-{n}", **about) for n in range(5000)]  # 20 MB
    Activity.objects.bulk_create(calls, batch_size=200)
    del calls
    tracemalloc.start()
    run("ringotel_export_person", "--contact", str(ada.pk), "--output", str(tmp_path / "ada.zip"))
    _current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 15_000_000
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        assert len(json.loads(archive.read("data.json"))["calls"]) == 5003
