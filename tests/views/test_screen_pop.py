from __future__ import annotations

from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.backend import Contacts
from tests.factories import make_contact, make_organization, make_user
from tests.fixtures.strip import agent, client_of, ringing

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


def test_organization_number_shows_the_organization_and_its_people(boss: Client) -> None:
    company = make_organization("Sample Ltd", phone="+442079460100")
    people = [make_contact(name, organization=company) for name in ("Ada Example", "Bob Notreal")]
    make_contact("Cyd Elsewhere")

    html = boss.get(URL, {"caller": "+442079460100"}).content.decode()

    assert "+44 20 7946 0100 is the number of Sample Ltd." in html
    for person in people:
        assert f'href="/admin/ringotel_minicrm/contact/{person.pk}/change/"' in html
    assert "Cyd Elsewhere" not in html
    assert "best match" not in html


def test_number_shared_within_an_organization_shows_the_organization(boss: Client) -> None:
    company = make_organization("Sample Ltd")
    for name in ("Ada Example", "Bob Notreal"):
        make_contact(name, "+442079460100", organization=company)

    html = boss.get(URL, {"caller": "+442079460100"}).content.decode()

    assert "is the number of Sample Ltd." in html
    assert "Bob Notreal" in html


def test_pop_has_a_note_on_the_ringing_call(db: None) -> None:
    company = make_organization("Sample Ltd", phone="+442079460100")
    make_contact("Ada Example", organization=company)
    una = agent("una")
    call = ringing(una, caller_number="+442079460100", caller_e164="+442079460100")
    page = f"{URL}?caller=%2B442079460100"

    html = client_of(una).get(page).content.decode()
    assert f'action="/ringotel/calls/{call.pk}/note/"' in html
    response = client_of(una).post(
        f"/ringotel/calls/{call.pk}/note/",
        {"text": "Wants an offer", "base": "", "next": page},
        headers={"Accept": "text/html"},
    )

    assert response["Location"] == page
    assert "Wants an offer</textarea>" in client_of(una).get(page).content.decode()


def test_user_without_admin_gets_page_outside_of_it(db: None) -> None:
    make_contact("Ada Example", "+442079460100")

    html = client_of(agent("una")).get(URL, {"caller": "+442079460100"}).content.decode()

    assert "Ada Example" in html
    assert "/admin/" not in html


def test_user_without_admin_gets_no_form_of_the_admin(db: None) -> None:
    una = agent("una", "ringotel_minicrm.add_contact")

    html = client_of(una).get(URL, {"caller": "+442079460100"}).content.decode()

    assert "No contact has the number +44 20 7946 0100." in html
    assert "/admin/" not in html


def test_backend_that_creates_no_contacts_offers_no_form(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Contacts, "can_create", False)

    html = boss.get(URL, {"caller": "+442079460100"}).content.decode()

    assert "No contact has the number +44 20 7946 0100." in html
    assert "/contact/add/?" not in html


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
