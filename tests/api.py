"""Ringotel's end of the wire: the hooks as they are called over HTTP, with a key of their own."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.models import ApiKey

# Where the hooks are. Said again here and not taken from the URLconf, because it is what others rely on.
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
    """A key that may use the API."""
    _key, token = ApiKey.objects.issue(name="tests", user=service_user("tests"))
    return token


class Api:
    """Calls hooks by their names."""

    def __init__(self, token: str) -> None:
        # HTTP_AUTHORIZATION and not headers=, because a streamed answer outlives the context of the test client.
        self.client = Client(HTTP_AUTHORIZATION=f"Bearer {token}")

    def call(self, hook: str, data: dict[str, Any] | None = None) -> Any:
        """The response to a query (GET) or a JSON body."""
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
        """The response to exactly this body and query."""
        method, path = HOOKS[hook]
        return self.client.generic(method, path, body, content_type, QUERY_STRING=query, **environ)

    def ok(self, hook: str, data: dict[str, Any] | None = None) -> Any:
        """The answer, which has to be a good one."""
        response = self.call(hook, data)
        assert response.status_code == 200, read(response)
        assert response["Content-Type"] == "application/json"
        return read(response)

    def results(self, hook: str, data: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The records of a list, or what FindContact found."""
        results: list[dict[str, Any]] = self.ok(hook, data)["results"]
        return results

    def id(self, hook: str, data: dict[str, Any]) -> str:
        """The id that a hook answers with."""
        id = self.ok(hook, data)["id"]
        assert isinstance(id, str)
        return id

    def refused(self, hook: str, data: dict[str, Any], status: int = 400) -> dict[str, list[str]]:
        """The fields that are to blame in the answer, which has to be a refusal."""
        fields: dict[str, list[str]] = error(self.call(hook, data), status)["fields"]
        return fields


def read(response: Any) -> Any:
    """The JSON of an answer, streamed or not."""
    return json.loads(b"".join(response) if response.streaming else response.content)


def error(response: Any, status: int = 400) -> Any:
    """What a refusal says, in the one shape that refusals have."""
    assert response.status_code == status, read(response)
    assert response["Content-Type"] == "application/json"
    answer = read(response)
    assert answer.keys() == {"error"}
    found = answer["error"]
    assert found.keys() == {"code", "message", "fields"}
    assert isinstance(found["code"], str)
    assert found["code"]
    assert isinstance(found["message"], str)
    assert found["message"]
    assert all(
        isinstance(text, str) and text for texts in found["fields"].values() for text in texts
    )
    return found
