"""The key of one branch reaches nothing of another, by any hook and any id, nor learns that it is there."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from demo_project.hostcrm.models import Branch, Company, Lead, Person, Staff
from ringotel_crm.models import Activity, PhoneIndex, Recording
from tests.api import Api, read
from tests.hostcrm.conftest import make_api
from tests.media.audio_samples import sample

NOT_THERE = {
    "person": "person:00000000-0000-4000-8000-000000000000",
    "lead": "lead:999999",
    "activity": "999999",
    "user": "999999",
}


@pytest.fixture
def theirs(north: Branch, south: Branch) -> dict[str, str]:
    """Ids of the south's rows, and of a call of the south's with a recording."""
    person = Person.objects.create(
        branch=south,
        given_name="Solveig",
        surname="South",
        email="solveig@example.com",
        office_phone="020 915 0900",
        company=Company.objects.create(branch=south, name="South Ltd", switchboard="020 915 0999"),
    )
    lead = Lead.objects.create(branch=south, full_name="Stig South", telephone="020 915 0901")
    staff = Staff.objects.create(
        user=User.objects.create_user("stina", "stina@example.com"), branch=south, desk="501"
    )
    api = make_api("south")
    id = api.id(
        "CreateActivity",
        {"call_id": "c1", "caller_number": "020 915 0900", "activity_type": "inbound"},
    )
    api.ok("UpdateActivity", {"id": id, "subject": "Secret", "comment": "Of the south"})
    return {
        "person": f"person:{person.pk}",
        "lead": f"lead:{lead.pk}",
        "activity": id,
        "user": str(staff.pk),
        "recording": str(
            api.send(
                "UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={id}"
            ).status_code
        ),
    }


def state() -> list[Any]:
    """Everything of the south that a key of the north must leave as it is."""
    tables: list[Any] = [Person.objects, Lead.objects, Company.objects, Staff.objects]
    rows: list[Any] = [
        list(table.filter(branch__code="south").order_by("pk").values()) for table in tables
    ]
    calls = Activity.objects.filter(tenant="south")
    call = calls.values_list(
        "call_id", "subject", "comment", "status", "duration", "cause", "contact_id", "updated_at"
    )
    return [*rows, list(call), list(Recording.objects.filter(activity__tenant="south").values())]


@pytest.mark.parametrize(
    ("hook", "data"),
    [
        ("UpdateContact", {"id": "{person}", "last_name": "Taken"}),
        ("UpdateContact", {"id": "{lead}", "last_name": "Taken"}),
        ("AssignActivity", {"id": "{activity}", "contact_id": "{mine}"}),
        ("AssignActivity", {"id": "{activity}"}),
        ("AssignActivity", {"id": "{own call}", "contact_id": "{person}"}),
        ("AssignActivity", {"id": "{own call}", "contact_id": "{lead}"}),
        ("UpdateActivity", {"id": "{activity}", "subject": "Taken"}),
        ("StopCallActivity", {"id": "{activity}", "call_duration": 9, "call_cause": "0"}),
        ("UpdateCallRecording", {"id": "{activity}", "recording": "{audio}"}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(map(str, value.values())),
)
def test_no_id_of_theirs_is_of_use(
    api: Api, north: Branch, theirs: dict[str, str], hook: str, data: Any
) -> None:

    mine = Person.objects.create(branch=north, given_name="Ada", office_phone="020 915 0100")
    known = {
        **theirs,
        "mine": f"person:{mine.pk}",
        "own call": api.id("CreateActivity", {"call_id": "n1", "caller_number": "020 915 0100"}),
        "audio": base64.b64encode(sample("pcm.wav")).decode(),
    }
    before = state()
    answers = []
    for ids in (known, {**known, **NOT_THERE}):
        response = api.call(hook, {key: str(value).format(**ids) for key, value in data.items()})
        assert response.status_code == 404
        answers.append((read(response), sorted(response.headers)))
    assert answers[0] == answers[1]
    assert state() == before
    assert Activity.objects.get(call_id="n1").contact == mine


def test_the_same_call_id_is_another_call(api: Api, theirs: dict[str, str]) -> None:
    before = state()
    id = api.id(
        "CreateActivity",
        {"call_id": "c1", "caller_number": "020 915 0900", "activity_type": "inbound"},
    )
    api.ok("UpdateActivity", {"call_id": "c1", "subject": "North"})
    api.ok("StopCallActivity", {"call_id": "c1", "call_duration": 9, "call_cause": "0"})
    api.send("UpdateCallRecording", sample("adts.aac"), "audio/aac", query="call_id=c1")
    assert id != theirs["activity"]
    assert state() == before
    own = Activity.objects.get(tenant="north", call_id="c1")
    assert (own.subject, own.contact_name, own.contact_id) == ("North", "", "")


@pytest.mark.parametrize("kind", ["person", "lead"])
def test_a_call_is_not_given_to_one_of_theirs(api: Api, theirs: dict[str, str], kind: str) -> None:
    api.ok(
        "CreateActivity",
        {"call_id": "n1", "caller_number": "020 915 0555", "contact_id": theirs[kind]},
    )
    assert Activity.objects.get(call_id="n1").contact_id == ""


@pytest.mark.parametrize("field", ["user_id", "extension", "user_email"])
def test_a_call_is_not_given_to_a_colleague_of_theirs(
    api: Api, theirs: dict[str, str], field: str
) -> None:
    value = {"user_id": theirs["user"], "extension": "501", "user_email": "stina@example.com"}[
        field
    ]
    api.ok("CreateActivity", {"call_id": "n1", "caller_number": "020 915 0555", field: value})
    assert Activity.objects.get(call_id="n1").agent_id == ""


@pytest.mark.parametrize("asked", ["020 915 0900", "020 915 0901", "020 915 0999"])
def test_no_number_of_theirs_is_known(api: Api, theirs: dict[str, str], asked: str) -> None:
    assert api.results("FindContact", {"phone": asked}) == []


@pytest.mark.parametrize("hook", ["Users", "Contacts", "Organizations"])
def test_no_list_has_theirs(api: Api, theirs: dict[str, str], hook: str) -> None:
    assert api.results(hook) == []
    assert make_api("south").results(hook) != []


def test_the_same_person_is_another_contact(api: Api, theirs: dict[str, str]) -> None:
    before = state()
    given = {
        "first_name": "Solveig",
        "last_name": "South",
        "phone": "020 915 0900",
        "organization": {"name": "South Ltd"},
    }
    assert api.id("CreateContact", given) != theirs["person"]
    assert state() == before
    assert Person.objects.get(branch__code="north").company == Company.objects.get(
        branch__code="north"
    )


def test_who_belongs_to_no_branch_sees_none(north: Branch, theirs: dict[str, str]) -> None:
    api = make_api("")
    assert [api.results(hook) for hook in ("Users", "Contacts", "Organizations")] == [[], [], []]
    assert api.results("FindContact", {"phone": "020 915 0900"}) == []
    assert (
        api.call("UpdateContact", {"id": theirs["person"], "last_name": "Taken"}).status_code == 404
    )
    assert (
        api.call("UpdateActivity", {"id": theirs["activity"], "subject": "Taken"}).status_code
        == 404
    )


def test_a_password_acts_for_the_branch_of_its_user(theirs: dict[str, str]) -> None:
    user = User.objects.get(username="stina")
    user.set_password("correct horse")
    user.save()
    user.user_permissions.add(Permission.objects.get(codename="use_api"))
    client = Client(headers={"Authorization": "Basic c3RpbmE6Y29ycmVjdCBob3JzZQ=="})
    found = read(client.get("/ringotel/contacts/find/", {"phone": "020 915 0900"}))["results"]
    assert [contact["id"] for contact in found] == [theirs["person"]]


@pytest.mark.parametrize(("branch", "status"), [("south", 200), ("north", 404)])
def test_a_recording_is_heard_in_its_branch(
    north: Branch, theirs: dict[str, str], branch: str, status: int
) -> None:
    user = User.objects.create_user("una")
    Staff.objects.create(user=user, branch=Branch.objects.get(code=branch))
    user.user_permissions.add(Permission.objects.get(codename="view_recording"))
    client = Client()
    client.force_login(user)
    response = client.get(reverse("ringotel_crm:recording", args=[Recording.objects.get().pk]))
    response.close()
    assert response.status_code == status


def test_a_credential_does_not_change_its_tenant(north: Branch) -> None:
    options = {"auth": "bearer", "base_url": "https://crm.example.com", "name": "desk"}
    call_command("ringotel_connect", **options, tenant="north")
    for tenant in ("south", ""):
        with pytest.raises(CommandError):
            call_command("ringotel_connect", **options, tenant=tenant)


def test_the_index_says_whose_a_number_is(theirs: dict[str, str], north: Branch) -> None:
    entry = PhoneIndex.objects.get(e164="+353209150900")
    assert entry.tenant == "south"
    person = Person.objects.get()
    person.branch = north
    person.save()
    assert PhoneIndex.objects.get(e164="+353209150900").tenant == "north"
