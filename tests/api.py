"""A client that calls the hooks over HTTP, as Ringotel does."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

# Repeated here and not read from the URLconf, because Ringotel depends on these URLs.
HOOKS = {
    "Users": ("GET", "/ringotel/users/"),
    "Contacts": ("GET", "/ringotel/contacts/"),
    "Organizations": ("GET", "/ringotel/organizations/"),
    "FindContact": ("GET", "/ringotel/contacts/find/"),
    "CreateContact": ("POST", "/ringotel/contacts/"),
    "UpdateContact": ("PATCH", "/ringotel/contacts/"),
    "CreateActivity": ("POST", "/ringotel/activities/"),
    "AssignActivity": ("POST", "/ringotel/activities/assign/"),
    "UpdateActivity": ("PATCH", "/ringotel/activities/"),
    "StopCallActivity": ("POST", "/ringotel/activities/stop/"),
    "UpdateCallRecording": ("POST", "/ringotel/activities/recording/"),
}
LISTS = ("Users", "Contacts", "Organizations")
WRITES = (
    "CreateContact",
    "UpdateContact",
    "CreateActivity",
    "AssignActivity",
    "UpdateActivity",
    "StopCallActivity",
)


def make_token() -> str:
    """Issue an API key and return its token."""
    from ringotel_crm.auth.service_users import service_user
    from ringotel_crm.models import ApiKey

    _key, token = ApiKey.objects.issue(name="tests", user=service_user("tests"))
    return token


class Api:
    """Client that calls hooks by their names."""

    def __init__(self, token: str) -> None:
        # Not headers=, because a streamed response outlives the context of the test client.
        self.client = Client(HTTP_AUTHORIZATION=f"Bearer {token}")

    def call(self, hook: str, data: dict[str, Any] | None = None) -> Any:
        """Call a hook with a query (GET) or a JSON body and return the response."""
        method, path = HOOKS[hook]
        if method == "GET":
            return self.client.get(path, data or {})
        return self.send(hook, json.dumps(data or {}).encode())

    def send(
        self,
        hook: str,
        body: bytes,
        content_type: str = "application/json",
        query: str = "",
        **environ: Any,
    ) -> Any:
        """Send exactly this body and query and return the response."""
        method, path = HOOKS[hook]
        return self.client.generic(method, path, body, content_type, QUERY_STRING=query, **environ)

    def ok(self, hook: str, data: dict[str, Any] | None = None) -> Any:
        """Call a hook that must succeed and return its JSON."""
        response = self.call(hook, data)
        assert response.status_code == 200, read(response)
        assert response["Content-Type"] == "application/json"
        return read(response)

    def results(self, hook: str, data: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the results of a list or of FindContact."""
        results: list[dict[str, Any]] = self.ok(hook, data)["results"]
        return results

    def id(self, hook: str, data: dict[str, Any]) -> str:
        """Return the id in the response of a hook."""
        id = self.ok(hook, data)["id"]
        assert isinstance(id, str)
        return id

    def refused(self, hook: str, data: dict[str, Any], status: int = 400) -> dict[str, list[str]]:
        """Call a hook that must fail and return the field errors."""
        fields: dict[str, list[str]] = error(self.call(hook, data), status)["fields"]
        return fields


def read(response: Any) -> Any:
    """Return the JSON of a response, streamed or not."""
    content = b"".join(response) if response.streaming else response.content
    return json.loads(content)


def error(response: Any, status: int = 400) -> Any:
    """Return the error of a response, after checking the shape of the envelope."""
    assert response.status_code == status, read(response)
    assert response["Content-Type"] == "application/json"
    answer = read(response)
    assert answer.keys() == {"error"}
    envelope = answer["error"]
    assert envelope.keys() == {"code", "message", "fields"}
    assert isinstance(envelope["code"], str)
    assert envelope["code"]
    assert isinstance(envelope["message"], str)
    assert envelope["message"]
    assert all(
        isinstance(text, str) and text for texts in envelope["fields"].values() for text in texts
    )
    return envelope
