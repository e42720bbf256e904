"""Processing events again, and deleting old ones."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.models import Activity, Webhook, WebhookEvent, WebhookToken
from ringotel_crm.services.calls import legs
from ringotel_crm.webhooks import events, views
from tests.webhooks.sender import Sender, started, stopped


def run(*args: str) -> str:
    output = io.StringIO()
    call_command("ringotel_process_events", *args, stdout=output)
    return output.getvalue()


@pytest.fixture
def broken(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> Sender:
    """Three events were received while log_leg() failed."""
    with monkeypatch.context() as patch:
        patch.setattr(legs, "log_leg", lambda *args: 1 / 0)
        sender.send(stopped(), started(), {"method": "Unknown"})
    return sender


def statuses() -> list[str]:
    return list(WebhookEvent.objects.order_by("pk").values_list("status", flat=True))


def test_failed_events_are_processed_again_in_order(
    broken: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert statuses() == ["failed", "failed", "ignored"]
    assert "ZeroDivisionError" in WebhookEvent.objects.earliest("pk").error
    seen: list[int] = []
    process = events.process

    def recorded(event: WebhookEvent) -> WebhookEvent:
        seen.append(event.pk)
        return process(event)

    monkeypatch.setattr(events, "process", recorded)

    assert "processed: 0, failed: 0" in run()
    assert "processed: 2, failed: 0" in run("--failed")

    assert statuses() == ["processed", "processed", "ignored"]
    assert seen == sorted(seen)
    assert Activity.objects.get().status == "answered"
    assert set(WebhookEvent.objects.exclude(status="ignored").values_list("attempts", "error")) == {
        (2, "")
    }


def test_repeated_failure_is_reported_and_does_not_stop_the_others(broken: Sender) -> None:
    WebhookEvent.objects.filter(method="StopCallActivity").update(body="{}")

    with pytest.raises(CommandError, match="1 event"):
        run("--failed")
    assert statuses() == ["failed", "processed", "ignored"]


def test_stored_traceback_has_masked_numbers_and_storable_text(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(backend: object, params: dict[str, object], at: object) -> None:
        raise ValueError(f"\0 \ud800 {params}")

    monkeypatch.setitem(events.HANDLERS, "StartCallActivity", fail)
    sender.send(started())

    event = WebhookEvent.objects.get()
    assert event.status == "failed"
    assert r"ValueError: \0 \ud800 {" in event.error
    assert "442•••01" in event.error
    assert "442079460001" not in event.error


def test_event_stays_pending_while_the_database_is_busy_for_some_attempts(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: object) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(legs, "log_leg", busy)
        sender.send(started())
        assert statuses() == ["pending"]
        with pytest.raises(CommandError, match="1 event"):
            run("--now")
        assert statuses() == ["pending"]
    run("--now")
    assert statuses() == ["processed"]

    monkeypatch.setattr(legs, "log_leg", busy)
    sender.send(stopped())
    for _attempt in range(events.MAX_ATTEMPTS - 1):
        with pytest.raises(CommandError, match="1 event"):
            run("--now")
    assert statuses() == ["processed", "failed"]
    assert "processed: 0, failed: 0" in run("--now")


def test_pending_events_are_processed_after_a_minute(sender: Sender, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"PROCESS_WEBHOOK_EVENTS": False}
    sender.send(started(), stopped())

    run()
    assert statuses() == ["pending", "pending"]  # received less than a minute ago
    WebhookEvent.objects.filter(method="StartCallActivity").update(
        received_at=timezone.now() - dt.timedelta(minutes=2)
    )
    run()
    assert statuses() == ["processed", "pending"]
    run("--now")
    assert statuses() == ["processed", "processed"]


def test_events_can_be_selected(sender: Sender) -> None:
    sender.send(started(), stopped())
    ids = list(WebhookEvent.objects.order_by("pk").values_list("pk", flat=True))

    assert "processed: 1" in run(str(ids[1]))
    assert "processed: 2" in run("--all", "--webhook", "support")
    assert "processed: 0" in run("--all", "--webhook", "other")
    assert Activity.objects.count() == 1


def test_old_events_are_deleted(
    sender: Sender, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RINGOTEL_CRM = {"WEBHOOK_EVENT_RETENTION_DAYS": 10}
    sender.send(started(), stopped(), started())
    old, young, _new = WebhookEvent.objects.order_by("pk")
    for event, days in ((old, 11), (young, 9)):
        WebhookEvent.objects.filter(pk=event.pk).update(
            received_at=timezone.now() - dt.timedelta(days=days)
        )

    assert "deleted: 1" in run()
    assert WebhookEvent.objects.count() == 2

    settings.RINGOTEL_CRM = {"WEBHOOK_EVENT_RETENTION_DAYS": 8}
    monkeypatch.setattr(views, "PURGE_EVERY", 1)
    sender.send(started())  # also deleted while receiving events
    assert WebhookEvent.objects.count() == 2


def test_events_are_processed_again_in_the_admin(broken: Sender, admin_client: Client) -> None:
    url = "/admin/ringotel_crm/webhookevent/"
    ids = list(WebhookEvent.objects.values_list("pk", flat=True))
    page = admin_client.get(f"{url}{ids[-1]}/change/").content.decode()
    assert "ZeroDivisionError" in page or "Unknown" in page

    response = admin_client.post(url, {"action": "replay", "_selected_action": ids}, follow=True)

    assert "3 events processed" in response.content.decode()
    assert statuses() == ["processed", "processed", "ignored"]


def test_token_is_issued_in_the_admin(sender: Sender, admin_client: Client) -> None:
    webhook = Webhook.objects.get()
    page = admin_client.get(f"/admin/ringotel_crm/webhook/{webhook.pk}/change/").content.decode()
    assert sender.token not in page
    assert WebhookToken.objects.get().hint in page

    response = admin_client.post(
        "/admin/ringotel_crm/webhook/",
        {"action": "issue_token", "_selected_action": [webhook.pk]},
        follow=True,
    )
    new = response.content.decode().partition("<code>")[2].partition("</code>")[0]
    assert sender.post({"api_token": new, **started()}).status_code == 200
    assert sender.post({"api_token": sender.token, **started()}).status_code == 200


def test_second_run_does_nothing_while_one_runs(
    broken: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = events.process

    def start_again(event: WebhookEvent) -> WebhookEvent:
        assert "already running" in run("--failed")
        return process(event)

    monkeypatch.setattr(events, "process", start_again)
    assert "processed: 2, failed: 0" in run("--failed")
    assert set(WebhookEvent.objects.exclude(status="ignored").values_list("attempts")) == {(2,)}
