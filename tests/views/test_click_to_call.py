"""Click to call."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.template import Context, Template
from django.test import Client
from pytest_django import Settings

from ringotel_crm.models import Activity
from ringotel_crm.testing import Fault, RingotelServer
from tests.factories import make_contact, make_organization, make_user, number

URL = "/ringotel/call/"
NO_EXTENSION = "You have no extension yet. Ask an administrator to add one under Agents."


@pytest.fixture
def una(db: None) -> User:
    user = make_user("una", "500")
    user.user_permissions.add(Permission.objects.get(codename="place_call"))
    return user


def call(client: Client, text: str) -> tuple[int, str]:
    response = client.post(URL, {"number": text}, headers={"Accept": "text/plain"})
    return response.status_code, response.content.decode()


def test_click_rings_the_phone_of_the_user(
    ringotel: RingotelServer, client: Client, una: User
) -> None:
    make_contact("Ada Example", number(1))
    client.force_login(una)

    assert call(client, "+44 20 7946 0001") == (
        200,
        "Pick up your phone to call +44 20 7946 0001.",
    )
    params = {"from": "500", "tonumber": number(1), "toname": "Ada Example"}
    assert ringotel.requests[1:] == [("initCall", {**params, "domain": ringotel.domain})]


@pytest.mark.parametrize(
    ("typed", "dialled"), [("501", "501"), ("*97", "*97"), ("(020) 915 0001", "+353209150001")]
)
def test_number_is_dialled_in_e164_and_an_extension_as_it_is(
    ringotel: RingotelServer, client: Client, una: User, typed: str, dialled: str
) -> None:
    client.force_login(una)

    assert call(client, typed)[0] == 200
    assert ringotel.requests[-1][1]["tonumber"] == dialled


@pytest.mark.parametrize("text", ["", "anonymous", "javascript:alert(1)", "1" * 40])
def test_text_that_is_not_a_number_is_not_called(
    ringotel: RingotelServer, client: Client, una: User, text: str
) -> None:
    client.force_login(una)

    assert call(client, text) == (400, "Enter a number that can be called.")
    assert ringotel.requests == []


def test_call_needs_a_permission_and_an_extension(
    ringotel: RingotelServer, client: Client, una: User
) -> None:
    assert call(client, number(1))[0] == 302
    client.force_login(make_user("kim", "501"))
    assert call(client, number(1))[0] == 403
    client.force_login(User.objects.create_superuser("root"))
    assert call(client, number(1)) == (
        400,
        NO_EXTENSION,
    )
    assert ringotel.requests == []

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(una)
    assert call(strict, number(1))[0] == 403
    assert ringotel.requests == []


def test_link_alone_starts_no_call(ringotel: RingotelServer, una: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(una)
    page = client.get(URL, {"number": number(1)}).content.decode()
    assert "initCall" not in ringotel.methods()

    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    answer = client.post(URL, {"number": number(1), "csrfmiddlewaretoken": token}).content.decode()
    assert "Pick up your phone" in answer
    assert ringotel.methods().count("initCall") == 1


def test_failure_is_reported_and_nothing_is_repeated(
    ringotel: RingotelServer, client: Client, una: User
) -> None:
    ringotel.faults.extend([None, Fault.RESET])
    client.force_login(una)

    status, text = call(client, number(1))
    assert (status, text) == (502, "Ringotel did not answer initCall (ConnectionError).")
    assert ringotel.methods().count("initCall") == 1


@pytest.mark.parametrize(
    ("conf", "href"),
    [
        ({"RINGOTEL_API_KEY": "k"}, "/ringotel/call/?number=%2B442079460001"),
        ({"RINGOTEL_API_KEY": "k", "CLICK_TO_CALL_URL": "sip:{number}"}, "sip:+442079460001"),
        ({}, "tel:+442079460001"),
    ],
)
def test_template_tag_links_the_number(settings: Settings, conf: dict[str, str], href: str) -> None:
    settings.RINGOTEL_CRM = conf
    html = Template("{% load ringotel %}{% ringotel_call number %}").render(
        Context({"number": number(1)})
    )

    assert f'href="{href}"' in html
    assert ">+44 20 7946 0001</a>" in html


def test_numbers_in_the_admin_are_links(ringotel: RingotelServer, admin_client: Client) -> None:
    company = make_organization(phone=number(1))
    contact = make_contact("Ada Example", number(1))
    for n, contact_id in ((1, str(contact.pk)), (2, "")):
        Activity.objects.create(call_id=f"c{n}", caller_e164=number(n), contact_id=contact_id)
    link = '<a class="ringotel-call" href="/ringotel/call/?number=%2B442079460001"'

    for page in (
        "minicrm/contact",
        "minicrm/organization",
        f"minicrm/organization/{company.pk}/change",
        "crm/activity",
    ):
        assert link in admin_client.get(f"/admin/ringotel_{page}/").content.decode()
    assert (
        number(2).replace("+", "%2B")
        in admin_client.get("/admin/ringotel_crm/activity/").content.decode()
    )
    assert (
        link
        in admin_client.get(
            f"/admin/ringotel_minicrm/contact/{contact.pk}/change/"
        ).content.decode()
    )
