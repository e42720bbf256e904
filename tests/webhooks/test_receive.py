"""Authentication and storage of events, and the responses."""

from __future__ import annotations

import datetime as dt
import json
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.models import Activity, Webhook, WebhookEvent, WebhookToken
from ringotel_crm.webhooks.views import receive
from tests.webhooks.sender import NAME, Sender, make_webhook, started

KEY = "the-api-key-5c2d7008"


def statuses() -> list[str]:
    return list(WebhookEvent.objects.order_by("pk").values_list("status", flat=True))


def test_event_is_stored_without_secrets_and_processed(sender: Sender) -> None:
    event = started()
    response = sender.post(
        {"api_token": sender.token, **event, "note": {"API_TOKEN": sender.token, "api_key": "x"}}
    )

    assert response.status_code == 200
    stored = WebhookEvent.objects.get(pk=response.json()["id"])
    assert json.loads(stored.body) == {**event, "note": {}}
    assert (stored.method, stored.status, stored.attempts, stored.error) == (
        "StartCallActivity",
        "processed",
        1,
        "",
    )
    assert Activity.objects.get().call_id == event["params"]["call_id"]


@pytest.mark.parametrize("debug", [True, False])
def test_url_without_trailing_slash_is_accepted(
    sender: Sender, settings: Settings, debug: bool
) -> None:
    settings.DEBUG = debug
    sender.path = sender.path.removesuffix("/")

    assert sender.post({"api_token": sender.token, **started()}).status_code == 200
    assert statuses() == ["processed"]
    assert sender.post({"api_token": "wrong", **started()}).status_code == 403
    assert sender.client.get(sender.path).status_code == 405


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "wrong",
        0,
        True,
        [],
        {},
        ["{token}"],
        "{token} ",
        "{digest}",
        "\ud800",
        "é",
        "$API token$",
    ],
    ids=repr,
)
def test_invalid_token_is_rejected_and_stores_nothing(sender: Sender, token: Any) -> None:
    digest = WebhookToken.objects.get().digest
    text = json.dumps(token).replace("{token}", sender.token).replace("{digest}", digest)
    body = {**started(), **({} if token is None else {"api_token": json.loads(text)})}

    response = sender.post(body)

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "forbidden"
    assert not WebhookEvent.objects.exists()
    assert not Activity.objects.exists()


def test_token_of_another_webhook_is_rejected(sender: Sender) -> None:
    other = make_webhook("other")

    assert sender.post({"api_token": other, **started()}).status_code == 403
    assert Sender(other, "nowhere").post({"api_token": other, **started()}).status_code == 403


def test_earlier_token_is_valid_until_it_expires(sender: Sender) -> None:
    new = make_webhook()
    assert Webhook.objects.count() == 1
    for token in (sender.token, new):
        assert sender.post({"api_token": token, **started()}).status_code == 200

    WebhookToken.objects.filter(expires_at__lt=timezone.now() + WebhookToken.GRACE).update(
        expires_at=timezone.now() - dt.timedelta(seconds=1)
    )
    assert sender.post({"api_token": sender.token, **started()}).status_code == 403
    assert sender.post({"api_token": new, **started()}).status_code == 200


def test_tokens_are_stored_as_hashes_only(sender: Sender) -> None:
    row = WebhookToken.objects.values().get()

    assert not any(sender.token in str(value) for value in row.values())
    assert row["digest"] == WebhookToken.digest_of(sender.token)


def test_webhook_of_an_inactive_user_is_rejected(sender: Sender) -> None:
    user = Webhook.objects.get().user
    user.is_active = False
    user.save()

    assert sender.post({"api_token": sender.token, **started()}).status_code == 403


@pytest.mark.parametrize("where", ["settings", "environment"])
def test_api_key_of_the_account_is_accepted(
    sender: Sender, settings: Settings, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "settings":
        settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY}
    else:
        monkeypatch.setenv("RINGOTEL_API_KEY", KEY)
    event = {"method": "typing", "params": {"from": "500"}}

    assert sender.post({"api_key": KEY, **event}).status_code == 200
    assert sender.post({"api_key": f"{KEY}x", **event}).status_code == 403
    assert KEY not in WebhookEvent.objects.get().body


@pytest.mark.parametrize("key", [None, "", "anything"])
def test_api_key_is_rejected_if_none_is_configured(sender: Sender, key: str | None) -> None:
    assert sender.post({"api_key": key, "method": "message"}).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 411),
        (b"not json", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b'{"a": NaN}', 400),
        (b'{"a": 1, "a": 2}', 400),
        (b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}", 400),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        (b'{"a": 1' + b"0" * 5000 + b"}", 400),
        (b" " * 3_000_000, 413),
    ],
    ids=[
        "empty",
        "words",
        "list",
        "binary",
        "NaN",
        "twice",
        "deep",
        "deeper",
        "huge number",
        "too long",
    ],
)
def test_invalid_body_is_rejected(sender: Sender, body: bytes, status: int) -> None:
    response = sender.post(body)

    assert response.status_code == status
    assert response.json()["error"]["message"]


@pytest.mark.parametrize(("length", "status"), [("", 411), ("x", 411), ("-1", 411), ("999", 400)])
def test_body_of_unknown_or_wrong_length_is_rejected(
    sender: Sender, length: str, status: int
) -> None:
    body = json.dumps({"api_token": sender.token, **started()}).encode()
    request = RequestFactory().post(sender.path, body, content_type="application/json")
    broken = {**request.META, "CONTENT_LENGTH": length, "wsgi.input": BytesIO(body)}

    assert receive(WSGIRequest(broken), NAME).status_code == status
    assert not WebhookEvent.objects.exists()


def test_get_is_not_allowed(sender: Sender) -> None:
    assert sender.client.get(sender.path).status_code == 405


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"method": "SomethingNew", "params": {"a": 1}}, "ignored"),
        ({"method": "x" * 300}, "ignored"),
        ({"method": ["StartCallActivity"]}, "ignored"),
        ({"method": "a\0b"}, "ignored"),
        ({}, "ignored"),
        ({"method": "StartCallActivity"}, "failed"),
        ({"method": "StartCallActivity", "params": []}, "failed"),
        (started(call_id="$call_id$"), "failed"),
        (started(call_id="x" * 256), "failed"),
        (started(caller_number="a\0b"), "failed"),
        (started(caller_number="\ud800"), "failed"),
        (started(call_start="soon"), "failed"),
        (started(call_start=10**17), "failed"),
        (started(extension=["500"]), "failed"),
        (
            started(user_id=17295348437628309790, called_number=500, caller_number=442079460001),
            "processed",
        ),
        (
            started(
                user_id=None, called_number="", caller_number="$caller_number$", activity_type="?"
            ),
            "processed",
        ),
        ({"method": "typing", "params": {}}, "processed"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_any_event_with_a_valid_token_is_stored(
    sender: Sender, event: dict[str, Any], status: str
) -> None:
    sender.send(event)

    assert statuses() == [status]
    assert bool(WebhookEvent.objects.get().error) == (status == "failed")


def test_error_is_stored_and_the_log_has_no_number_and_no_token(
    sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    sender.send(started(call_start="soon", caller_number="442079460999"))

    assert statuses() == ["failed"]
    assert "Enter a valid time" in WebhookEvent.objects.get().error
    assert "442079460999" not in caplog.text
    assert sender.token not in caplog.text


def test_processing_can_be_disabled(sender: Sender, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"PROCESS_WEBHOOK_EVENTS": False}
    sender.send(started())

    assert statuses() == ["pending"]
    assert not Activity.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_response_is_sent_before_the_event_is_processed(sender: Sender) -> None:
    body = json.dumps({"api_token": sender.token, **started()})
    response = receive(
        RequestFactory().post(sender.path, body, content_type="application/json"), NAME
    )

    assert (response.status_code, statuses()) == (200, ["pending"])
    response.close()
    assert statuses() == ["processed"]


def test_call_has_the_tenant_of_the_webhook(db: None) -> None:
    Sender(make_webhook("acme", tenant="acme"), "acme").send(started())

    assert Activity.objects.get().tenant == "acme"
