"""Connecting a site with tenants."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, RequestFactory

from demo_project.hostcrm.models import Branch, Staff
from ringotel_crm.admin.base import backend_for
from ringotel_crm.backends import get_backend
from ringotel_crm.models import ApiKey, Webhook
from ringotel_crm.records import Actor

pytestmark = pytest.mark.django_db

URL = "https://crm.example.com"


def connect(command: str = "ringotel_connect", **options: Any) -> dict[str, str]:
    out = io.StringIO()
    if command == "ringotel_connect":
        options = {"auth": "bearer", "json": True} | options
    call_command(command, base_url=URL, stdout=out, stderr=io.StringIO(), **options)
    found: dict[str, str] = json.loads(out.getvalue())["properties"]
    return found


@pytest.mark.usefixtures("north", "south")
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("ringotel_connect", {}),
        ("ringotel_connect", {"auth": "basic"}),
        ("ringotel_connect_webhook", {}),
    ],
    ids=str,
)
def test_credential_without_a_tenant_names_the_tenants(
    command: str, options: dict[str, str]
) -> None:
    with pytest.raises(CommandError, match=r"one of these: north, south$"):
        connect(command, **options)

    assert not ApiKey.objects.exists()
    assert not Webhook.objects.exists()
    assert not User.objects.exists()


def test_site_without_tenants_yet_is_reported() -> None:
    with pytest.raises(CommandError, match="no tenants exist yet"):
        connect()


def test_chosen_tenant_is_stored(north: Branch) -> None:
    connect(tenant="north")

    assert ApiKey.objects.get().tenant == "north"


def test_user_with_a_tenant_needs_no_other(north: Branch) -> None:
    user = User.objects.create_user("agnes")
    Staff.objects.create(user=user, branch=north)
    connect(user="agnes")

    assert ApiKey.objects.get().tenant == ""


def test_empty_tenant_is_for_backends_that_read_the_request(north: Branch) -> None:
    connect(tenant="")

    assert ApiKey.objects.get().tenant == ""


def test_form_of_the_admin_names_the_tenants(client: Client, north: Branch) -> None:
    client.force_login(User.objects.create_superuser("admin"))
    data = {"auth": "bearer", "name": "desk", "base_url": URL}
    page = client.post("/admin/ringotel_crm/apikey/connect/", data).content.decode()

    assert "one of these: north" in page
    assert not ApiKey.objects.exists()


def test_backend_has_the_request_of_a_page() -> None:
    request = RequestFactory().get("/")
    request.user = User(username="agnes")

    assert backend_for(request).actor.request is request
    assert get_backend(Actor(user=None)).actor.request is None


@pytest.mark.usefixtures("north", "south")
def test_administrator_without_a_tenant_chooses_that_of_a_webhook(admin_client: Client) -> None:
    url = "/admin/ringotel_crm/webhook/add/"
    values = {"name": "sales", "base_url": URL}

    assert 'name="tenant"' in admin_client.get(url).content.decode()
    assert "This field is required." in admin_client.post(url, values).content.decode()
    admin_client.post(url, {**values, "tenant": "south"})

    assert Webhook.objects.get().tenant == "south"
