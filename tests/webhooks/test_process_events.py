"""Going through events again, and letting go of them."""

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
from ringotel_crm.webhooks import events as door
from ringotel_crm.webhooks import views
from tests.webhooks.sender import Sender, started, stopped


def run(*args: str) -> str:
    output = io.StringIO()
    call_command("ringotel_process_events", *args, stdout=output)
    return output.getvalue()


@pytest.fixture
def broken(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> Sender:
    """Three events came while the CRM was out of order; it works again."""
    with monkeypatch.context() as patch:
        patch.setattr(legs, "log_leg", lambda *args: 1 / 0)
        sender.tell(stopped(), started(), {"method": "Unheard"})
    return sender


def outcomes() -> list[str]:
    return list(WebhookEvent.objects.order_by("pk").values_list("status", flat=True))


def test_failed_events_are_replayed_in_order(
    broken: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcomes() == ["failed", "failed", "ignored"]
    assert "ZeroDivisionError" in WebhookEvent.objects.earliest("pk").error
    seen: list[int] = []
    process = door.process

    def watched(event: WebhookEvent) -> WebhookEvent:
        seen.append(event.pk)
        return process(event)

    monkeypatch.setattr(door, "process", watched)

    assert "processed: 0, failed: 0" in run()  # those that failed are asked for
    assert "processed: 2, failed: 0" in run("--failed")

    assert outcomes() == ["processed", "processed", "ignored"]
    assert seen == sorted(seen)
    assert Activity.objects.get().status == "answered"
    assert set(WebhookEvent.objects.exclude(status="ignored").values_list("attempts", "error")) == {
        (2, "")
    }


def test_what_fails_again_is_said_and_holds_nothing_up(broken: Sender) -> None:
    WebhookEvent.objects.filter(method="StopCallActivity").update(body="{}")

    with pytest.raises(CommandError, match="1 event"):
        run("--failed")
    assert outcomes() == ["failed", "processed", "ignored"]


def test_a_traceback_holds_no_whole_number_and_can_be_stored(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(backend: object, params: dict[str, object], at: object) -> None:
        raise ValueError(f"\0 \ud800 {params}")

    monkeypatch.setitem(door.HANDLERS, "StartCallActivity", fail)
    sender.tell(started())

    event = WebhookEvent.objects.get()
    assert event.status == "failed"
    assert r"ValueError: \0 \ud800 {" in event.error
    assert "442•••01" in event.error
    assert "442079460001" not in event.error


def test_what_a_busy_database_did_not_do_is_for_cron_but_not_for_ever(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*args: object) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(legs, "log_leg", busy)
        sender.tell(started())
        assert outcomes() == ["pending"]
        with pytest.raises(CommandError, match="1 event"):
            run("--now")
        assert outcomes() == ["pending"]
    run("--now")
    assert outcomes() == ["processed"]

    monkeypatch.setattr(legs, "log_leg", busy)
    sender.tell(stopped())
    for _attempt in range(door.MAX_ATTEMPTS - 1):
        with pytest.raises(CommandError, match="1 event"):
            run("--now")
    assert outcomes() == ["processed", "failed"]
    assert "processed: 0, failed: 0" in run("--now")


def test_pending_events_are_for_cron(sender: Sender, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"PROCESS_WEBHOOK_EVENTS": False}
    sender.tell(started(), stopped())

    run()
    assert outcomes() == ["pending", "pending"]  # they came just now
    WebhookEvent.objects.filter(method="StartCallActivity").update(
        received_at=timezone.now() - dt.timedelta(minutes=2)
    )
    run()
    assert outcomes() == ["processed", "pending"]
    run("--now")
    assert outcomes() == ["processed", "processed"]


def test_all_or_some(sender: Sender) -> None:
    sender.tell(started(), stopped())
    ids = list(WebhookEvent.objects.order_by("pk").values_list("pk", flat=True))

    assert "processed: 1" in run(str(ids[1]))
    assert "processed: 2" in run("--all", "--webhook", "support")
    assert "processed: 0" in run("--all", "--webhook", "other")
    assert Activity.objects.count() == 1


def test_events_are_let_go_of(
    sender: Sender, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RINGOTEL_CRM = {"WEBHOOK_EVENT_RETENTION_DAYS": 10}
    sender.tell(started(), stopped(), started())
    old, young, _new = WebhookEvent.objects.order_by("pk")
    for event, days in ((old, 11), (young, 9)):
        WebhookEvent.objects.filter(pk=event.pk).update(
            received_at=timezone.now() - dt.timedelta(days=days)
        )

    assert "deleted: 1" in run()
    assert WebhookEvent.objects.count() == 2

    settings.RINGOTEL_CRM = {"WEBHOOK_EVENT_RETENTION_DAYS": 8}
    monkeypatch.setattr(views, "PURGE_EVERY", 1)
    sender.tell(started())  # now and then it is also done along the way
    assert WebhookEvent.objects.count() == 2


def test_replay_in_the_admin(broken: Sender, admin_client: Client) -> None:
    url = "/admin/ringotel_crm/webhookevent/"
    ids = list(WebhookEvent.objects.values_list("pk", flat=True))
    page = admin_client.get(f"{url}{ids[-1]}/change/").content.decode()
    assert "ZeroDivisionError" in page or "Unheard" in page

    response = admin_client.post(url, {"action": "replay", "_selected_action": ids}, follow=True)

    assert "3 events processed" in response.content.decode()
    assert outcomes() == ["processed", "processed", "ignored"]


def test_tokens_in_the_admin(sender: Sender, admin_client: Client) -> None:
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
