from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from ringotel_crm.models import ApiKey
from tests.api import HOOKS
from tests.projects.printed import run_printed

from .models import Operator

pytestmark = pytest.mark.django_db

URL = "https://crm.example.com"


def connect(auth: str = "bearer", **options: Any) -> dict[str, str]:
    out = io.StringIO()
    call_command("ringotel_connect", auth=auth, base_url=URL, json=True, stdout=out, **options)
    found: dict[str, str] = json.loads(out.getvalue())["properties"]
    return found


def call(authorization: str, hook: str = "Users", data: dict[str, str] | None = None) -> Any:
    method, path = HOOKS[hook]
    headers = {"Authorization": authorization}
    return Client().generic(method, path, json.dumps(data), "application/json", headers=headers)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the method that the command prints to the user model."""
    with pytest.raises(CommandError) as raised:
        connect()
    printed = run_printed(str(raised.value))
    monkeypatch.setattr(Operator, "has_perm", printed["has_perm"], raising=False)


@pytest.mark.parametrize("auth", ["bearer", "basic"])
def test_model_without_permissions_is_named_and_nothing_is_issued(auth: str) -> None:
    with pytest.raises(CommandError, match=r"plainuser\.Operator has no method has_perm"):
        connect(auth)

    assert not Operator.objects.exists()
    assert not ApiKey.objects.exists()


@pytest.mark.usefixtures("printed")
def test_printed_method_makes_keys_and_passwords_work() -> None:
    key, password = connect(), connect("basic")

    encoded = base64.b64encode(":".join(password.values()).encode()).decode()
    assert call(f"Bearer {key['API key']}").status_code == 200
    assert call(f"Basic {encoded}").status_code == 200


@pytest.mark.usefixtures("printed")
def test_method_that_refuses_another_user_is_named() -> None:
    Operator.objects.create(login="agnes")

    with pytest.raises(CommandError, match="does not return True for agnes"):
        connect(user="agnes")
    assert not ApiKey.objects.exists()


def test_user_without_has_perm_is_a_403_and_not_an_error() -> None:
    user = Operator.objects.create(login="agnes")
    _key, token = ApiKey.objects.issue(name="desk", user=user)

    assert call(f"Bearer {token}").status_code == 403


@pytest.mark.usefixtures("printed")
def test_agent_is_found_on_a_model_without_email_and_activity() -> None:
    key = connect()["API key"]
    operator = Operator.objects.create(login="agnes")

    users = json.loads(b"".join(call(f"Bearer {key}")))["results"]
    assert [user["first_name"] for user in users] == ["agnes"]
    data = {"call_id": "c1", "caller_number": "442079460001", "user_email": "agnes@example.com"}
    assert call(f"Bearer {key}", "CreateActivity", data).status_code == 200
    data |= {"call_id": "c2", "user_id": str(operator.pk)}
    assert call(f"Bearer {key}", "CreateActivity", data).status_code == 200


def test_check_reports_the_missing_method(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ringotel_crm.W050" in {message.id for message in run_checks()}

    monkeypatch.setattr(Operator, "has_perm", lambda self, perm, obj=None: True, raising=False)
    assert "ringotel_crm.W050" not in {message.id for message in run_checks()}
