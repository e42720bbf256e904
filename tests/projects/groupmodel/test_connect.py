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
from pytest_django import Settings

from ringotel_crm.models import ApiKey, WebhookToken
from tests.api import HOOKS
from tests.projects.printed import run_printed

from .models import Account, Grant, Team

pytestmark = pytest.mark.django_db

URL = "https://crm.example.com"
BROKEN = ["django.contrib.auth.backends.ModelBackend"]


def connect(auth: str = "bearer", **options: Any) -> dict[str, str]:
    out = io.StringIO()
    command = "ringotel_connect_webhook" if auth == "webhook" else "ringotel_connect"
    if auth != "webhook":
        options |= {"auth": auth, "json": True}
    call_command(command, base_url=URL, stdout=out, stderr=io.StringIO(), **options)
    found: dict[str, str] = json.loads(out.getvalue())["properties"]
    return found


def status(authorization: str) -> int:
    response = Client().get(HOOKS["Users"][1], headers={"Authorization": authorization})
    return int(response.status_code)


def add_printed_backend(settings: Settings) -> None:
    """Add what the command prints to the settings."""
    with pytest.raises(CommandError) as raised:
        connect()
    printed = run_printed(str(raised.value))
    settings.AUTHENTICATION_BACKENDS = printed["AUTHENTICATION_BACKENDS"]


@pytest.mark.parametrize("auth", ["bearer", "basic", "webhook"])
def test_credential_that_would_be_refused_is_not_issued(auth: str) -> None:
    with pytest.raises(CommandError, match="no backend of AUTHENTICATION_BACKENDS reads it"):
        connect(auth)

    assert not Account.objects.exists()
    assert not ApiKey.objects.exists()
    assert not WebhookToken.objects.exists()


def test_existing_user_without_the_permission_gets_no_key() -> None:
    user = Account.objects.create_user("agnes")

    with pytest.raises(CommandError, match="agnes has been given the permission"):
        connect(user="agnes")
    assert not user.user_permissions.exists()
    assert not ApiKey.objects.exists()


def test_existing_user_with_a_permission_of_the_site_gets_a_key() -> None:
    team = Team.objects.create(name="Phones")
    Grant.objects.create(team=team, permission="ringotel_crm.use_api")
    Account.objects.create_user("agnes").groups.add(team)

    assert status(f"Bearer {connect(user='agnes')['API key']}") == 200


def test_printed_backend_makes_keys_and_passwords_work(settings: Settings) -> None:
    add_printed_backend(settings)

    key, password = connect(), connect("basic")
    encoded = base64.b64encode(":".join(password.values()).encode()).decode()
    assert status(f"Bearer {key['API key']}") == 200
    assert status(f"Basic {encoded}") == 200
    assert status(f"Basic {encoded}") == 200  # from the cache


def test_printed_backend_makes_webhooks_work(settings: Settings) -> None:
    add_printed_backend(settings)

    token = connect("webhook", name="support")["API token"]
    body = json.dumps({"method": "unknown", "api_token": token})
    response = Client().post("/ringotel/webhook/support/", body, "application/json")
    assert response.status_code == 200


def test_backend_that_does_not_support_the_groups_is_named(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = BROKEN

    with pytest.raises(CommandError, match=r"has_perm\(\) raises ValueError"):
        connect()
    add_printed_backend(settings)
    assert status(f"Bearer {connect()['API key']}") == 200


def test_unsupported_groups_are_a_403_and_not_an_error(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = BROKEN
    user = Account.objects.create_user("agnes", password="correct horse")
    _key, token = ApiKey.objects.issue(name="desk", user=user)
    encoded = base64.b64encode(b"agnes:correct horse").decode()

    assert status(f"Bearer {token}") == 403
    assert status(f"Basic {encoded}") == 403


def test_service_user_is_not_listed_as_a_colleague(settings: Settings) -> None:
    add_printed_backend(settings)
    Account.objects.create_user("agnes", "agnes@example.com")
    key = connect()["API key"]

    response = Client().get(HOOKS["Users"][1], headers={"Authorization": f"Bearer {key}"})
    users = json.loads(b"".join(response))["results"]
    assert [user["first_name"] for user in users] == ["agnes"]


def test_form_of_the_admin_shows_the_reason(client: Client) -> None:
    admin: Any = Account.objects.create_superuser("admin")
    client.force_login(admin)
    data = {"auth": "bearer", "name": "desk", "base_url": URL}
    page = client.post("/admin/ringotel_crm/apikey/connect/", data).content.decode()

    assert "no backend of AUTHENTICATION_BACKENDS reads it" in page
    assert "ringotel_crm.auth.backends.ApiPermissionBackend" in page
    assert not ApiKey.objects.exists()


def test_check_reports_what_connect_would(settings: Settings) -> None:
    messages = [message for message in run_checks() if message.id == "ringotel_crm.W051"]
    assert [message.hint and "ApiPermissionBackend" in message.hint for message in messages] == [
        True
    ]

    add_printed_backend(settings)
    assert not [message for message in run_checks() if message.id == "ringotel_crm.W051"]


def test_groups_without_permissions_are_named() -> None:
    with pytest.raises(CommandError, match="do not have Django's permissions"):
        call_command("ringotel_create_groups")
