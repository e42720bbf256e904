"""A site without the admin: requests of Ringotel, screen pop, page of the app and timeline."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from demo_project.hostcrm.models import Branch, Person, Staff
from ringotel_crm.auth import oauth
from ringotel_crm.models import Activity, Note
from tests.api import Api
from tests.hostcrm.conftest import make_api
from tests.webhooks.sender import Sender, make_webhook, started, stopped

REDIRECT_URI = "https://phone.example/oauth/back"

pytestmark = pytest.mark.django_db


@pytest.fixture
def north() -> Branch:
    return Branch.objects.create(code="north")


@pytest.fixture
def ada(north: Branch) -> Person:
    return Person.objects.create(
        branch=north, given_name="Ada", surname="Example", office_phone="020 915 0100"
    )


@pytest.fixture
def una(north: Branch) -> User:
    """An agent who may view the calls."""
    user = User.objects.create_user("una", password="secret")
    Staff.objects.create(user=user, branch=north, desk="101")
    names = ("view_activity", "change_activity", "use_api")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


@pytest.fixture
def desk(una: User) -> Client:
    client = Client()
    client.force_login(una)
    return client


@pytest.fixture
def api(north: Branch) -> Api:
    return make_api("north")


def start_call(api: Api, number: str = "020 915 0100") -> Activity:
    call = {"call_id": uuid.uuid4().hex, "caller_number": number, "activity_type": "inbound"}
    response = api.call("CreateActivity", {**call, "call_start": 1772452800, "extension": "101"})
    assert response.status_code in (200, 201), response.content
    return Activity.objects.latest("pk")


def test_check_and_commands_run() -> None:
    call_command("check", fail_level="WARNING")
    call_command("ringotel_create_groups", verbosity=0)
    call_command("ringotel_index_phones", verbosity=0)


@pytest.mark.parametrize("with_sessions", [True, False])
def test_hooks_and_webhooks_need_no_session(
    api: Api, ada: Person, settings: Settings, with_sessions: bool
) -> None:
    if not with_sessions:
        settings.MIDDLEWARE = []

    found = api.call("FindContact", {"phone": "+353209150100"}).json()
    start_call(api)
    Sender(make_webhook(tenant="north")).send(
        started(caller_number="353209150100"), stopped(caller_number="353209150100")
    )

    assert "Ada" in str(found)
    assert [call.contact for call in Activity.objects.all()] == [ada, ada]


def test_oauth2_works_with_a_login_page_of_the_host(ada: Person, una: User) -> None:
    client_id, secret = oauth.make_application(name="Phones", redirect_uri=REDIRECT_URI)
    query: dict[str, Any] = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": "ringotel",
    }
    browser = Client()
    url = f"{reverse('ringotel_crm:authorize')}?{urlencode(query)}"
    login = browser.get(url)["Location"]
    assert login.startswith("/login/")
    back = browser.post(login, {"username": "una", "password": "secret"})["Location"]
    assert browser.get(back).status_code == 200

    approved = browser.post(back, {**query, "allow": "Authorize"})["Location"]
    code = parse_qs(urlsplit(approved).query)["code"][0]
    tokens = browser.post(
        reverse("ringotel_crm:token"),
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "client_id": client_id,
            "client_secret": secret,
        },
    ).json()

    found = Api(tokens["access_token"]).call("FindContact", {"phone": "+353209150100"})
    assert "Ada" in found.content.decode()


def test_pop_opens_the_page_of_the_host(desk: Client, ada: Person) -> None:
    response = desk.get("/ringotel/pop/", {"caller": "+353209150100"})

    assert response["Location"] == f"/people/{ada.pk}/"


def test_pop_offers_the_contacts_of_a_shared_number(desk: Client, ada: Person) -> None:
    bob = Person.objects.create(branch=ada.branch, given_name="Bob", office_phone="020 915 0100")

    html = desk.get("/ringotel/pop/", {"caller": "+353209150100"}).content.decode()

    assert "<h1>Incoming call</h1>" in html
    for person in (ada, bob):
        assert f'href="/people/{person.pk}/"' in html
    assert "/admin/" not in html


def test_pop_explains_an_unknown_caller(desk: Client, ada: Person) -> None:
    html = desk.get("/ringotel/pop/", {"caller": "+353209150999"}).content.decode()

    assert "+353 20 915 0999" in html


def test_page_of_the_app_shows_the_call_and_saves_notes(
    desk: Client, api: Api, ada: Person
) -> None:
    call = start_call(api)
    call.agent_id = str(Staff.objects.get().pk)
    call.save()

    page = desk.get("/ringotel/app/").content.decode()
    assert f'href="/people/{ada.pk}/"' in page
    desk.post("/ringotel/app/", {"call": call.pk, "subject": "Invoice", "comment": ""})

    call.refresh_from_db()
    assert call.subject == "Invoice"
    assert desk.get("/ringotel/app/current/").status_code == 200
    assert Client().get("/ringotel/app/login/").status_code == 200
    assert not Note.objects.exists()


def test_timeline_tag_shows_the_calls(desk: Client, api: Api, ada: Person) -> None:
    call = start_call(api)
    Activity.objects.filter(pk=call.pk).update(subject="Invoice")

    assert "Invoice" in desk.get(f"/people/{ada.pk}/").content.decode()


def test_connect_prints_the_urls_of_the_pages(
    north: Branch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "https://crm.example.com"
    call_command("ringotel_connect", auth="bearer", base_url=url, tenant="north")

    printed = capsys.readouterr().err
    assert "Screen pop URL: https://crm.example.com/ringotel/pop/?caller=$caller$&" in printed
    assert "Custom page URL: https://crm.example.com/ringotel/app/?userid=$userid$&" in printed
