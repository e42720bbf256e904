from __future__ import annotations

from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import make_contact, make_organization, make_user

URL = "/ringotel/pop/"


@pytest.mark.parametrize(
    "query",
    [
        "caller=%2B442079460100",
        "caller=+442079460100",  # the plus is decoded as a space
        "caller=442079460100",
        "caller=" + quote("0044 20 7946-0100"),
        "caller=500&called=%2B442079460100",  # an outbound call
    ],
)
def test_known_caller_opens_contact_page(boss: Client, query: str) -> None:
    ada = make_contact("Ada Example", "+442079460100")

    response = boss.get(f"{URL}?{query}")

    assert response.status_code == 302
    assert response["Location"] == f"/admin/ringotel_minicrm/contact/{ada.pk}/change/"


def test_shared_number_offers_choice(boss: Client) -> None:
    people = [make_contact(name, "+442079460100") for name in ("Ada Example", "Bob Notreal")]

    html = boss.get(URL, {"caller": "+442079460100"}).content.decode()

    for person in people:
        assert f'href="/admin/ringotel_minicrm/contact/{person.pk}/change/"' in html
    assert html.count("best match") == 1


def test_organization_number_opens_main_contact(boss: Client) -> None:
    company = make_organization(phone="+442079460100")
    ada = make_contact("Ada Example", organization=company)

    assert boss.get(URL, {"caller": "+442079460100"})["Location"].endswith(f"/{ada.pk}/change/")


@pytest.mark.parametrize(
    ("name", "first"),
    [("Zed Notreal", "Zed"), ("+442079460100", ""), ("$caller_name$", ""), ("", ""), ("123", "")],
)
def test_unknown_caller_opens_prefilled_form(boss: Client, name: str, first: str) -> None:
    response = boss.get(URL, {"caller": "442079460100", "name": name}, follow=True)
    html = response.content.decode()

    assert response.redirect_chain[0][0].startswith("/admin/ringotel_minicrm/contact/add/")
    assert 'value="+44 20 7946 0100"' in html
    assert (f'name="first_name" value="{first}"' in html) == bool(first)


@pytest.mark.parametrize("caller", ["anonymous", "", "500", "$caller$", "\0", "9" * 5000])
def test_unidentifiable_caller_is_explained(boss: Client, caller: str) -> None:
    response = boss.get(URL, {"caller": caller})

    assert response.status_code == 200
    assert b"ringotel-empty" in response.content


@pytest.mark.parametrize("key", ["caller", "name", "called", "next", "url"])
def test_pop_redirects_to_crm_pages_only(boss: Client, key: str) -> None:
    response = boss.get(URL, {"caller": "+442079460100", key: "//evil.example/"})

    if key == "caller":  # not a phone number
        assert response.status_code == 200
    else:
        assert response["Location"].startswith("/admin/ringotel_minicrm/contact/add/?")


def test_pop_writes_nothing(boss: Client) -> None:
    make_contact("Ada Example", "+442079460100")
    with CaptureQueriesContext(connection) as queries:
        boss.get(URL, {"caller": "+442079460100"})
        boss.get(URL, {"caller": "+442079460101"})

    assert not [query["sql"] for query in queries if not query["sql"].startswith("SELECT")]


def test_pop_requires_permission_to_view_calls(db: None) -> None:
    make_contact("Ada Example", "+442079460100")
    client = Client()
    assert client.get(URL, {"caller": "+442079460100"})["Location"].startswith(
        "/admin/login/?next=/ringotel/pop/"
    )

    client.force_login(make_user("customer"))
    assert client.get(URL, {"caller": "+442079460100"}).status_code == 403


def test_pop_refuses_post(boss: Client) -> None:
    assert boss.post(URL).status_code == 405
