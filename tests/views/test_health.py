"""Probes, ``ringotel_status``, and the lines in the log."""

from __future__ import annotations

import datetime as dt
import json
import logging
from io import StringIO
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ringotel_crm.models import Activity, Webhook, WebhookEvent
from ringotel_crm.services import status
from ringotel_crm.services.calls import legs
from tests.api import Api
from tests.factories import make_user, number
from tests.webhooks.sender import Sender, make_webhook, started


@pytest.fixture(autouse=True)
def not_checked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_migrated", set())


def fail(*args: Any, **kwargs: Any) -> Any:
    raise OSError("secret")


def ready(expected: int) -> dict[str, Any]:
    response = Client().get("/ringotel/ready/")
    assert response.status_code == expected
    assert "no-store" in response["Cache-Control"]
    assert "secret" not in response.content.decode()
    checks: dict[str, Any] = response.json()["checks"]
    return checks


def run(*options: str) -> str:
    output = StringIO()
    call_command("ringotel_status", *options, stdout=output)
    return output.getvalue()


def test_health_uses_no_database(client: Client) -> None:
    """Without the mark ``django_db``, a query would raise an error."""
    assert client.get("/ringotel/health/").json() == {"status": "ok"}
    assert client.post("/ringotel/health/").status_code == 405


@pytest.mark.django_db
def test_site_is_ready_after_few_queries(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    parts = {"database", "migrations", "phone_index", "storage"}
    assert ready(200) == dict.fromkeys(parts, True)
    with django_assert_max_num_queries(2):
        ready(200)


@pytest.mark.django_db
def test_missing_migration_is_reported() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("ringotel_crm", "0001_initial")
    assert ready(503)["migrations"] is False
    recorder.record_applied("ringotel_crm", "0001_initial")
    assert ready(200)["migrations"] is True


@pytest.mark.django_db
def test_storage_that_fails_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(FileSystemStorage, "exists", fail)
    assert ready(503) == {
        "database": True,
        "migrations": True,
        "phone_index": True,
        "storage": False,
    }
    assert "Not ready: storage." in caplog.text
    with pytest.raises(CommandError, match="storage"):
        run()


def test_database_that_is_down_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("secret")

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", refuse)
    assert ready(503) == {"database": False}
    with pytest.raises(CommandError, match="Not ready: database"):
        run("--json")


@pytest.mark.django_db
def test_status_counts_what_waits(api: Api) -> None:
    webhook = Webhook.objects.create(name="main", user=make_user("service"))
    long_ago = timezone.now() - dt.timedelta(hours=3)
    for state in ("pending", "failed", "failed", "processed"):
        WebhookEvent.objects.create(webhook=webhook, body="{}", status=state, received_at=long_ago)
    Activity.objects.create(call_id="c1", start=long_ago)
    Activity.objects.create(call_id="c2", status="answered", start=long_ago)
    api.ok("FindContact", {"phone": number(1)})

    report = run()
    lines = dict(line.split(":", 1) for line in report.splitlines())
    values = {name: value.strip().replace("\xa0", " ") for name, value in lines.items()}
    assert values["events pending"] == "1, oldest 3 hours ago"
    assert values["events failed"] == "2, oldest 3 hours ago"
    assert values["open calls"] == "1, oldest 3 hours ago"
    assert values["last request, hooks"].endswith("FindContact, status 200")
    assert values["last request, webhooks"] == "none recorded"
    data = json.loads(run("--json"))
    assert (data["pending_events"], data["failed_events"], data["open_calls"]) == (1, 2, 1)
    assert number(1) not in json.dumps(data)


@pytest.mark.django_db
def test_each_request_is_a_line_in_the_log_with_masked_number(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ringotel_crm.requests"):
        api.ok("FindContact", {"phone": number(1)})
    (record,) = (r for r in caplog.records if r.name == "ringotel_crm.requests")
    assert "hooks FindContact status=200" in record.getMessage()
    assert record.__dict__["number"]
    assert number(1)[1:] not in record.getMessage()
    assert number(1)[1:] not in str(record.__dict__)


@pytest.mark.django_db
def test_each_event_and_command_is_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ringotel_crm")
    sender = Sender(make_webhook())
    with monkeypatch.context() as patch:
        patch.setattr(legs, "log_leg", fail)
        sender.send(started())
    call_command("ringotel_process_events", "--failed", stdout=StringIO())
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("jobs")]
    event = WebhookEvent.objects.get()
    assert lines[0] == f"event {event.pk} method=StartCallActivity outcome=failed"
    assert lines[1] == f"event {event.pk} method=StartCallActivity outcome=processed"
    assert lines[2].startswith("ringotel_process_events tenant= outcome=done seconds=")
    assert "442079460001" not in caplog.text
