"""A client that sends webhook events as Ringotel does."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.models import WebhookToken

NAME = "support"
# 2026-03-02 12:00 UTC, in milliseconds.
START = 1_772_452_800_000


def make_webhook(name: str = NAME, tenant: str = "") -> str:
    """Create a webhook; return its token."""
    _token, text = WebhookToken.objects.issue(name=name, user=service_user(name), tenant=tenant)
    return text


def call_params(
    call_id: str = "1729693708182-2d1c3de3d3772cdc1f", extension: str = "500", **others: Any
) -> dict[str, Any]:
    """Return the parameters of both events of a call leg."""
    return {
        "connection_name": "PBX",
        "extension": extension,
        "user_id": f"17295348437628309{extension}",
        "connection_id": "17295345566567084859",
        "activity_type": "inbound",
        "domain": "newcompany123",
        "call_start": START,
        "called_number": extension,
        "caller_number": "442079460001",
        "call_id": call_id,
        **others,
    }


def started(**params: Any) -> dict[str, Any]:
    """Return the event of a phone that starts to ring."""
    return {"method": "StartCallActivity", "params": call_params(**params)}


def stopped(duration: int = 27, **params: Any) -> dict[str, Any]:
    """Return the event of a phone that stopped ringing or talking; answered if ``duration`` > 0."""
    end = {"call_end": START + 40_000, "call_duration": duration, "call_cause": "0"}
    return {"method": "StopCallActivity", "params": call_params(**{**end, **params})}


class Sender:
    """Posts events with a token."""

    def __init__(self, token: str, name: str = NAME) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.token = token
        self.path = f"/ringotel/webhook/{name}/"

    def post(self, body: Any, **headers: Any) -> Any:
        """Return the response to this body."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(self.path, data, content_type="application/json", **headers)

    def send(self, *events: dict[str, Any]) -> None:
        """Post each event; all must be accepted."""
        for event in events:
            response = self.post({"api_token": self.token, **event})
            assert response.status_code == 200, response.content
