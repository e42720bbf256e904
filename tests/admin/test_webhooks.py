"""Creating a webhook in the admin."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from ringotel_crm.models import Webhook, WebhookEvent
from tests.fixtures.admin import login_as
from tests.webhooks.sender import Sender, started

ADD = "/admin/ringotel_crm/webhook/add/"
VALUES = {"name": "sales", "base_url": "https://crm.example.com/"}


def test_created_webhook_receives_events_with_the_shown_token(boss: Client) -> None:
    page = html.unescape(boss.post(ADD, VALUES).content.decode())

    assert "https://crm.example.com/ringotel/webhook/sales/" in page
    token = re.search(r"rtw_[\w-]+", page)
    assert token
    Sender(token[0], "sales").send(started())
    assert WebhookEvent.objects.get().webhook.name == "sales"
    webhook = Webhook.objects.get()
    assert webhook.user.get_username() == "ringotel-sales"
    shown = boss.get(f"/admin/ringotel_crm/webhook/{webhook.pk}/change/").content.decode()
    assert token[0] not in shown


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "", "This field is required."),
        ("name", "Sales", "becomes part of the URL"),
        ("name", "a b", "Enter a valid"),
        ("base_url", "crm", "Enter a URL such as"),
    ],
)
def test_invalid_values_are_form_errors(boss: Client, field: str, value: str, error: str) -> None:
    page = boss.post(ADD, {**VALUES, field: value}).content.decode()

    assert error in page
    assert 'class="errorlist' in page
    assert not Webhook.objects.exists()


def test_existing_webhook_keeps_its_token(boss: Client) -> None:
    boss.post(ADD, VALUES)

    assert "A webhook with this name exists." in boss.post(ADD, VALUES).content.decode()
    assert Webhook.objects.get().tokens.count() == 1


def test_only_administrators_add_webhooks(groups: None) -> None:
    assert login_as("administrator", "admin").get(ADD).status_code == 200
    assert login_as("supervisor", "sue").get(ADD).status_code == 403
