"""``ringotel_doctor`` and the connect page: the set-up of the Ringotel account."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from ringotel_crm.models import RingotelUser, WebhookEvent
from ringotel_crm.testing import Fault, RefusalShape, RingotelServer, Variant
from tests.factories import make_user
from tests.webhooks.sender import Sender, make_webhook, started

CONNECT = "/admin/ringotel_crm/apikey/connect/"
SITE = "https://crm.example.com"

pytestmark = pytest.mark.django_db


def configure(settings: Settings, **values: Any) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, **values}


def doctor() -> tuple[int, str]:
    """Return the exit status and the output."""
    output = io.StringIO()
    try:
        call_command("ringotel_doctor", base_url=SITE, stdout=output, no_color=True)
    except SystemExit as exc:
        return int(exc.code or 0), output.getvalue()
    return 0, output.getvalue()


def test_complete_account_gives_no_warnings(ringotel: RingotelServer, settings: Settings) -> None:
    configure(settings, FRAME_ANCESTORS=["https://app.ringotel.co"])
    pages = [{"title": "CRM", "url": f"{SITE}/ringotel/app/?userid=$userid$"}]
    application = f"{SITE}/ringotel/pop/?caller=$caller$"
    provision = {"popup": 1, "application": application, "custompages": pages}
    ringotel.branches[0]["provision"] = {**provision, "inboundFormat": "national0"}
    una = make_user("una", "500")
    ringotel.add_user("Una", "500", attached=("501",), id="1")
    ringotel.add_user("Park 1", "5901", status=-2)
    RingotelUser.objects.create(ringotel_id="1", agent_id=str(una.pk), confirmed=True)
    Sender(make_webhook()).send(started())

    status, report = doctor()
    assert status == 0
    assert [line for line in report.splitlines() if not line.startswith("ok")] == []
    for words in (
        "Organization: New Company (newcompany123)",
        "Connection PBX: national numbers with a leading zero",
        "1 of 1 Ringotel users are mapped",
        "Last event: StartCallActivity",
    ):
        assert words in report


@pytest.mark.parametrize("variants", [set(), set(Variant)])
def test_missing_parts_are_reported_with_instructions(
    ringotel: RingotelServer, variants: set[Variant]
) -> None:
    ringotel.variants = variants
    make_user("kim", "502")
    ringotel.add_user("Una Example", "500")
    status, report = doctor()

    assert status == 0
    for words in (
        "warning Connection PBX: The screen pop does not open this site.",
        f"Enter in the settings of the connection: {SITE}/ringotel/pop/?caller=$caller$&name=",
        f"Enter in the settings of the connection: {SITE}/ringotel/app/?userid=$userid$&domain=",
        "warning Users: Not mapped: Una Example",
        "Run “manage.py ringotel_map_users”.",
        "warning Users: Without a Ringotel user: kim",
        "Run “manage.py ringotel_map_users --create --dry-run”.",
        "warning Webhook: No webhook exists",
        "It is not sent to the outside number",
    ):
        assert words in report, words


def test_site_url_defaults_to_the_allowed_hosts(
    ringotel: RingotelServer, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*", ".crm.example.org"]
    output = io.StringIO()
    call_command("ringotel_doctor", stdout=output)

    assert "https://crm.example.org/ringotel/app/" in output.getvalue()


def test_unconfirmed_mapping_is_reported(ringotel: RingotelServer) -> None:
    ringotel.add_user("Una Example", "500")
    call_command("ringotel_map_users", stdout=io.StringIO())

    assert "Confirm or enter them in the admin" in doctor()[1]


def test_long_list_of_names_is_truncated(ringotel: RingotelServer) -> None:
    for n in range(13):
        ringotel.add_user(f"User {n}", str(500 + n))

    assert "User 9, 3 more\n" in doctor()[1]


def test_webhook_without_events_or_with_failed_events_is_reported(ringotel: RingotelServer) -> None:
    token = make_webhook()
    assert "No event has been received yet" in doctor()[1]

    Sender(token).send(started(call_id=""))
    assert WebhookEvent.objects.get().status == "failed"
    assert "1 event failed." in doctor()[1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"RINGOTEL_API_KEY": ""}, "Set RINGOTEL_CRM"),
        ({"RINGOTEL_API_KEY": "another"}, "invalid or expired"),
        (
            {"ORGANIZATION_ID": ""},
            '"ORGANIZATION_ID": "17295345566567084859", "ORGANIZATION_DOMAIN": "newcompany123"',
        ),
        ({"ORGANIZATION_ID": "1"}, "Unknown organization"),
        (
            {"ORGANIZATION_DOMAIN": "other"},
            'Set RINGOTEL_CRM["ORGANIZATION_DOMAIN"] to "newcompany123".',
        ),
    ],
)
def test_wrong_setting_is_an_error(
    ringotel: RingotelServer, settings: Settings, values: dict[str, str], words: str
) -> None:
    configure(settings, **values)

    status, report = doctor()
    assert status == 1
    assert words in report


def test_national_numbers_need_a_region(ringotel: RingotelServer, settings: Settings) -> None:
    ringotel.branches[0]["provision"] = {"inboundFormat": "national"}
    assert doctor()[0] == 0

    configure(settings, DEFAULT_REGION=None)
    status, report = doctor()
    assert status == 1
    assert "DEFAULT_REGION" in report


def test_disabled_connection_is_reported(ringotel: RingotelServer) -> None:
    ringotel.branches[0]["status"] = 0
    assert "warning Connection PBX: disabled" in doctor()[1]

    ringotel.branches.clear()
    assert doctor()[0] == 1


@pytest.mark.parametrize("shape", RefusalShape)
def test_refusal_is_an_error(ringotel: RingotelServer, shape: RefusalShape) -> None:
    ringotel.refusal, ringotel.refusals["getBranches"] = shape, "No permission"

    status, report = doctor()
    assert status == 1
    assert "No permission" in report


def test_connect_page_shows_the_account(ringotel: RingotelServer, admin_client: Client) -> None:
    ringotel.add_user("Una Example", "500")
    page = admin_client.get(CONNECT).content.decode()

    assert "New Company (newcompany123)" in page
    assert "Not mapped: Una Example" in page
    assert ringotel.key not in page


def test_connect_page_loads_while_ringotel_does_not_respond(
    ringotel: RingotelServer, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringotel_crm.admin.connect.ACCOUNT_TIMEOUT", 0.2)
    ringotel.faults.append(Fault.SLOW)
    response = admin_client.get(CONNECT)

    assert response.status_code == 200
    assert "Ringotel did not answer" in response.content.decode()
    assert ringotel.methods() == ["getOrganization"]


def test_connect_page_without_an_api_key_omits_the_account(
    admin_client: Client, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {}

    assert "Ringotel account" not in admin_client.get(CONNECT).content.decode()


def test_new_credential_is_shown_with_the_page_urls(admin_client: Client) -> None:
    data = {"auth": "bearer", "name": "desk", "base_url": SITE}
    page = admin_client.post(CONNECT, data).content.decode()

    assert f"{SITE}/ringotel/pop/?caller=$caller$&amp;name=$caller_name$" in page
    assert f"{SITE}/ringotel/app/?userid=$userid$&amp;domain=$domain$" in page
