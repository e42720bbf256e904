"""The eleven hooks with a host's own models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.live_server_helper import LiveServer

from demo_project.hostcrm.models import Branch, Company, Lead, Person, Staff
from ringotel_crm.models import Activity, PhoneIndex
from tests.api import Api
from tests.media.audio_samples import sample


@pytest.fixture
def ada(north: Branch) -> Person:
    company = Company.objects.create(branch=north, name="Sample Ltd", switchboard="020 915 0000")
    ada = Person.objects.create(
        branch=north,
        given_name="Ada",
        surname="Example",
        email="ada@example.com",
        position="Baker",
        company=company,
        office_phone="(020) 915-0100",
        cell="083 920 0100",
    )
    ada.numbers.create(label="home", digits="020 915 0199")
    return ada


@pytest.fixture
def una(north: Branch) -> Staff:
    user = User.objects.create_user("una", "una@example.com", first_name="Una", last_name="Sample")
    return Staff.objects.create(user=user, branch=north, desk="501", direct_line="020 915 0501")


def as_contact(person: Person, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"person:{person.pk}",
        "first_name": "Ada",
        "last_name": "Example",
        "email": "ada@example.com",
        "phone": "+353209150100",
        "mobile": "+353839200100",
        "organization": {"name": "Sample Ltd"},
        "job_title": "Baker",
        **changes,
    }


def test_new_number_is_added_to_known_person(api: Api, ada: Person) -> None:
    draft = {
        "first_name": "Ada",
        "last_name": "Example",
        "email": "ada@example.com",
        "phone": "020 915 0177",
    }
    for _ in range(2):
        assert api.ok("CreateContact", draft)["id"] == f"person:{ada.pk}"
    assert list(ada.numbers.values_list("label", "digits")) == [
        ("home", "020 915 0199"),
        ("work", "020 915 0177"),
    ]
    for number in ("+353209150100", "+353209150177"):
        assert [contact["id"] for contact in api.results("FindContact", {"phone": number})] == [
            f"person:{ada.pk}"
        ]


@pytest.mark.django_db
def test_site_passes_checks() -> None:
    assert run_checks() == []


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "hostcrm", check=True, dry_run=True)


def test_lists_contain_records_of_own_branch(
    api: Api, ada: Person, una: Staff, south: Branch
) -> None:
    Lead.objects.create(branch=ada.branch, full_name="Lee van Invented", telephone="020 915 0300")
    Person.objects.create(branch=south, given_name="Solveig", office_phone="020 915 0900")
    former = User.objects.create_user("gus", is_active=False)
    Staff.objects.create(user=former, branch=ada.branch, desk="502")

    assert api.results("Users") == [
        {
            "id": str(una.pk),
            "first_name": "Una",
            "last_name": "Sample",
            "email": "una@example.com",
            "phone": "+353209150501",
            "extension": "501",
        }
    ]
    lead = Lead.objects.get()
    assert api.results("Contacts") == [
        as_contact(ada),
        {
            "id": f"lead:{lead.pk}",
            "first_name": "Lee",
            "last_name": "van Invented",
            "email": "",
            "phone": "+353209150300",
            "mobile": "",
            "organization": {"name": ""},
            "job_title": "",
        },
    ]
    assert [company["name"] for company in api.results("Organizations")] == ["Sample Ltd"]


@pytest.mark.parametrize(
    "query", ["+353209150100", " 353209150100", "0209150100", "083 920 0100", "020 915 0199"]
)
def test_number_in_any_notation_identifies_person(api: Api, ada: Person, query: str) -> None:
    assert api.results("FindContact", {"phone": query}) == [
        as_contact(ada, url=f"http://testserver/people/{ada.pk}/")
    ]


@pytest.mark.parametrize(
    "query", ["anonymous", "", "100", "020 915 010", "020 915 01000", "+353209150101"]
)
def test_unknown_number_returns_no_contact(api: Api, ada: Person, query: str) -> None:
    assert api.results("FindContact", {"phone": query}) == []


def test_number_of_company_returns_its_first_person(api: Api, ada: Person) -> None:
    assert [contact["id"] for contact in api.results("FindContact", {"phone": "020 915 0000"})] == [
        f"person:{ada.pk}"
    ]


def test_person_is_preferred_to_lead(api: Api, ada: Person) -> None:
    Lead.objects.create(branch=ada.branch, full_name="Lee Invented", telephone="020 915 0100")
    lone = Lead.objects.create(
        branch=ada.branch, full_name="Lone Invented", telephone="020 915 0400"
    )
    assert [contact["id"] for contact in api.results("FindContact", {"phone": "020 915 0100"})] == [
        f"person:{ada.pk}"
    ]
    assert [contact["id"] for contact in api.results("FindContact", {"phone": "020 915 0400"})] == [
        f"lead:{lone.pk}"
    ]
    ada.delete()
    assert [
        contact["first_name"] for contact in api.results("FindContact", {"phone": "020 915 0100"})
    ] == ["Lee"]


@pytest.mark.parametrize("query", ["020 915 0100", "020 915 0300", "020 915 0000", "020 915 0999"])
def test_lookup_takes_at_most_two_queries(api: Api, ada: Person, query: str) -> None:
    Lead.objects.create(branch=ada.branch, full_name="Lee Invented", telephone="020 915 0300")
    api.results("FindContact", {"phone": query})
    with CaptureQueriesContext(connection) as queries:
        api.results("FindContact", {"phone": query})
    tables = [
        query["sql"]
        for query in queries
        if "hostcrm_" in query["sql"] or "phoneindex" in query["sql"]
    ]
    assert 1 <= len(tables) <= 2


def test_contact_is_created_once(api: Api, ada: Person) -> None:
    given = {
        "first_name": "Bea",
        "last_name": "Example",
        "email": "bea@example.com",
        "phone": "020 915 0200",
        "mobile": "083 920 0200",
        "organization": {"name": "sample ltd"},
        "job_title": "Miller",
    }
    id = api.id("CreateContact", given)
    assert api.id("CreateContact", {**given, "phone": "+353 20 915 0200"}) == id
    bea = Person.objects.get(given_name="Bea")
    assert id == f"person:{bea.pk}"
    assert (bea.office_phone, bea.cell, bea.position) == ("020 915 0200", "083 920 0200", "Miller")
    assert (bea.branch, bea.company) == (ada.branch, ada.company)
    assert api.results("FindContact", {"phone": "020 915 0200"})[0]["id"] == id


def test_error_of_a_company_names_the_company(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Company._meta.get_field("website"), "blank", False)
    fields = api.refused(
        "CreateContact", {"first_name": "Ada", "organization": {"name": "New Ltd"}}
    )

    assert fields == {"company.website": ["This field cannot be blank."]}
    assert not Company.objects.exists()


def test_company_is_created_with_contact(api: Api) -> None:
    api.id("CreateContact", {"first_name": "Bea", "organization": {"name": "Fresh  Bread Ltd"}})
    assert Person.objects.get().company == Company.objects.get(
        branch__code="north", name="Fresh Bread Ltd"
    )


def test_value_refused_by_model_is_reported(api: Api) -> None:
    assert api.refused("CreateContact", {"first_name": "A" * 81}) == {
        "given_name": ["Ensure this value has at most 80 characters (it has 81)."]
    }
    assert not Person.objects.exists()


def test_update_changes_given_fields(api: Api, ada: Person) -> None:
    answer = api.ok(
        "UpdateContact", {"id": f"person:{ada.pk}", "mobile": "083 920 0177", "email": "$email$"}
    )
    assert answer == as_contact(
        ada, mobile="+353839200177", url=f"http://testserver/people/{ada.pk}/"
    )
    assert api.results("FindContact", {"phone": "083 920 0177"}) != []
    assert api.results("FindContact", {"phone": "083 920 0100"}) == []


def test_last_name_of_lead_is_updated(api: Api, north: Branch) -> None:
    lead = Lead.objects.create(branch=north, full_name="Lee van Invented")
    api.ok("UpdateContact", {"id": f"lead:{lead.pk}", "last_name": "Real"})
    lead.refresh_from_db()
    assert lead.full_name == "Lee Real"


def test_call_is_logged_assigned_and_recorded(api: Api, ada: Person, una: Staff) -> None:
    start = {
        "call_id": "c1",
        "activity_type": "inbound",
        "caller_number": "353209150100",
        "called_number": "501",
        "call_start": 1772452800000,
        "extension": "501",
    }
    id = api.id("CreateActivity", start)
    assert api.id("CreateActivity", start) == id
    call = Activity.objects.get()
    assert (call.contact, call.contact_name, call.agent_id, call.agent_name) == (
        ada,
        "Ada Example",
        str(una.pk),
        "Una Sample",
    )
    lead = Lead.objects.create(branch=ada.branch, full_name="Lee Invented")
    api.ok("AssignActivity", {"id": id, "contact_id": f"lead:{lead.pk}"})
    call.refresh_from_db()
    assert Activity.objects.get().contact == lead
    api.ok("UpdateActivity", {"id": id, "subject": "Bread"})
    api.ok(
        "StopCallActivity",
        {"id": id, "call_end": 1772452860000, "call_duration": 50, "call_cause": "0"},
    )
    call = Activity.objects.get()
    assert (call.subject, call.duration, call.status, call.tenant) == (
        "Bread",
        50,
        "answered",
        "north",
    )
    response = api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={id}")
    assert response.status_code == 200
    assert call.recording.size > 0


@pytest.mark.django_db(transaction=True)
def test_simulator_passes(live_server: LiveServer, tmp_path: Path) -> None:
    north = Branch.objects.create(code="north")
    Staff.objects.create(
        user=User.objects.create_user("una", first_name="Una"), branch=north, desk="501"
    )
    for n in range(5):
        Person.objects.create(
            branch=north, given_name="Ada", surname=f"Example{n}", office_phone=f"020 915 010{n}"
        )
        Lead.objects.create(
            branch=north, full_name=f"Lee Invented{n}", telephone=f"+44 20 7946 030{n}"
        )
    document = tmp_path / "connect.json"
    options: dict[str, Any] = {
        "auth": "bearer",
        "base_url": live_server.url,
        "tenant": "north",
        "json": True,
    }
    call_command("ringotel_connect", **options, output=document)
    assert set(json.loads(document.read_text())["document"]["API"]) >= {
        "CreateContact",
        "Organizations",
    }
    call_command("ringotel_simulate", document, calls=12, seed=1, json=True)
    assert Activity.objects.filter(tenant="north").exclude(contact_name="").exists()
    call_command("ringotel_index_phones", check=True)
    assert PhoneIndex.objects.filter(tenant="north").count() >= 10
