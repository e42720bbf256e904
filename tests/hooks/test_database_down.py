"""While the database is down, every hook and webhook responds 503 with JSON and Retry-After."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from ringotel_crm.models import Activity, WebhookEvent
from tests.api import HOOKS, WRITES, Api
from tests.media.audio_samples import sample
from tests.webhooks.sender import Sender, make_webhook, started


@contextmanager
def failing(*statements: str, error: type[Exception] = OperationalError) -> Iterator[None]:
    """Let these kinds of statements fail."""

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(statements):
            raise error("the connection was closed")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        yield


def assert_unavailable(response: Any) -> None:
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert response["Content-Type"] == "application/json"
    assert response.json()["error"]["code"] == "unavailable"


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("hook", HOOKS)
def test_hook_responds_503(api: Api, hook: str, error: type[Exception]) -> None:
    with failing("SELECT", error=error):
        assert_unavailable(api.call(hook))


@pytest.mark.django_db(transaction=True)
def test_hook_that_cannot_write_responds_503_and_succeeds_when_repeated(api: Api) -> None:
    data: dict[str, Any] = {
        "first_name": "Ada",
        "call_id": "c1",
        "caller_number": "+442079460001",
        "call_duration": 27,
    }
    for hook in ("CreateActivity", "CreateContact", "UpdateActivity", "StopCallActivity"):
        assert hook in WRITES
        data["subject"] = hook
        with failing("INSERT", "UPDATE", "DELETE"):
            assert_unavailable(api.call(hook, data))
        api.ok(hook, data)
    with failing("INSERT", "UPDATE"):
        assert_unavailable(
            api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", "call_id=c1")
        )
    assert Activity.objects.get().duration == 27


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("statements", [("SELECT",), ("INSERT",)])
def test_webhook_responds_503(statements: tuple[str, ...]) -> None:
    sender = Sender(make_webhook())
    with failing(*statements):
        assert_unavailable(sender.post({"api_token": sender.token, **started()}))
    assert not WebhookEvent.objects.exists()
    sender.send(started())
