"""The screen pop of a site with its own pages, for staff without access to the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_project.hostcrm.models import Branch, Company, Person, Staff
from demo_project.hostcrm.phones import People
from tests.fixtures.strip import agent, client_of, ringing

URL = "/ringotel/pop/"


@pytest.fixture
def una(north: Branch) -> User:
    user = agent("una")
    Staff.objects.create(user=user, branch=north, desk="101")
    return user


@pytest.fixture
def phone(una: User) -> Client:
    return client_of(una)


def make_people(branch: Branch, **fields: Any) -> list[Person]:
    """Create two people of a company with a switchboard."""
    company = Company.objects.create(branch=branch, name="Sample Ltd", switchboard="020 915 0100")
    return [
        Person.objects.create(branch=branch, given_name=name, company=company, **fields)
        for name in ("Ada", "Bob")
    ]


def test_known_caller_opens_page_of_the_site(phone: Client, north: Branch) -> None:
    ada = Person.objects.create(branch=north, given_name="Ada", office_phone="020 915 0101")

    assert phone.get(URL, {"caller": "+353209150101"})["Location"] == f"/people/{ada.pk}/"


def test_switchboard_shows_the_company_and_its_people(
    phone: Client, una: User, north: Branch, south: Branch
) -> None:
    people, others = make_people(north), make_people(south)
    staff = Staff.objects.get(user=una)
    ringing(
        tenant="north",
        agent_id=str(staff.pk),
        caller_number="+353209150100",
        caller_e164="+353209150100",
    )

    page = phone.get(URL, {"caller": "+353209150100"}).content.decode()

    assert "is the number of Sample Ltd." in page
    assert 'data-announcement="Incoming call from Sample Ltd"' in page
    for person in people:
        assert page.count(f'href="/people/{person.pk}/"') == 2  # in the list and in the strip
    assert not [person for person in others if str(person.pk) in page]


def test_unknown_caller_opens_form_of_the_site(
    phone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = {"caller": "+353209150105", "name": "Zed Notreal"}
    assert "No contact has the number" in phone.get(URL, query).content.decode()

    monkeypatch.setattr(People, "add_url_name", "ringotel_crm:app")
    expected = "/ringotel/app/?name=Zed+Notreal&number=%2B353+20+915+0105"
    assert phone.get(URL, query)["Location"] == expected

    monkeypatch.setattr(People, "add_url_name", "missing")
    assert "No contact has the number" in phone.get(URL, query).content.decode()
