"""``ringotel_connect_webhook``: the URL and the token for the portal."""

from __future__ import annotations

import io
import json
import shlex
from urllib.parse import urlsplit

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.utils import timezone

from ringotel_crm.models import WebhookEvent, WebhookToken
from tests.webhooks.sender import Sender, started


def connect(*args: str) -> dict[str, str]:
    output = io.StringIO()
    call_command(
        "ringotel_connect_webhook",
        *args,
        stdout=output,
        stderr=io.StringIO(),
    )
    document = json.loads(output.getvalue())
    assert document.keys() == {"properties"}
    assert document["properties"].keys() == {"Webhook URL", "API token"}
    properties: dict[str, str] = document["properties"]
    return properties


@pytest.mark.django_db
def test_new_and_earlier_tokens_are_valid() -> None:
    first = connect("--name", "sales-1", "--base-url", "https://crm.example.com/")
    second = connect("--name", "sales-1")

    assert first["Webhook URL"] == "https://crm.example.com/ringotel/webhook/sales-1/"
    assert urlsplit(second["Webhook URL"]).path == "/ringotel/webhook/sales-1/"
    for values in (first, second):
        Sender(values["API token"], "sales-1").send(started())
    assert WebhookEvent.objects.count() == 2
    assert WebhookToken.objects.filter(expires_at=None).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Sales", "a b", "../x", ""])
def test_name_that_is_no_slug_is_rejected(name: str) -> None:
    with pytest.raises(CommandError, match="becomes part of the URL"):
        connect("--name", name)


@pytest.mark.django_db
def test_webhook_without_valid_token_is_a_deployment_warning() -> None:
    connect("--name", "sales")
    assert "ringotel_crm.W020" not in [
        message.id for message in run_checks(include_deployment_checks=True)
    ]

    WebhookToken.objects.update(expires_at=timezone.now())
    warnings = [
        message
        for message in run_checks(include_deployment_checks=True)
        if message.id == "ringotel_crm.W020"
    ]
    assert ["'sales'" in warning.msg for warning in warnings] == [True]
    assert "ringotel_connect_webhook --name sales" in str(warnings[0].hint)


@pytest.mark.django_db
def test_command_in_the_hint_of_the_check_issues_a_token() -> None:
    connect("--name", "sales", "--tenant", "acme")
    WebhookToken.objects.update(expires_at=timezone.now())
    (hint,) = [
        message.hint
        for message in run_checks(include_deployment_checks=True)
        if message.id == "ringotel_crm.W020"
    ]

    call_command(*shlex.split(str(hint).partition("manage.py ")[2]), stdout=io.StringIO())
    assert WebhookToken.objects.valid().count() == 1
