"""An API key of one branch cannot access, or detect, data of another with any hook or id."""

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

UNKNOWN_IDS = {
    "person": "person:00000000-0000-4000-8000-000000000000",
    "lead": "lead:999999",
    "activity": "999999",
    "user": "999999",
}


@pytest.fixture
def theirs(north: Branch, south: Branch) -> dict[str, str]:
    """Ids of rows of the south branch, and of a call with a recording."""
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
    """Return all data of the south branch, which a key of the north must not change."""
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
        ("UpdateContact", {"id": "{person}", "last_name": "Changed"}),
        ("UpdateContact", {"id": "{lead}", "last_name": "Changed"}),
        ("AssignActivity", {"id": "{activity}", "contact_id": "{mine}"}),
        ("AssignActivity", {"id": "{activity}"}),
        ("AssignActivity", {"id": "{own call}", "contact_id": "{person}"}),
        ("AssignActivity", {"id": "{own call}", "contact_id": "{lead}"}),
        ("UpdateActivity", {"id": "{activity}", "subject": "Changed"}),
        ("StopCallActivity", {"id": "{activity}", "call_duration": 9, "call_cause": "0"}),
        ("UpdateCallRecording", {"id": "{activity}", "recording": "{audio}"}),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(map(str, value.values())),
)
def test_id_of_other_branch_is_unknown(
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
    for ids in (known, {**known, **UNKNOWN_IDS}):
        response = api.call(hook, {key: str(value).format(**ids) for key, value in data.items()})
        assert response.status_code == 404
        answers.append((read(response), sorted(response.headers)))
    assert answers[0] == answers[1]
    assert state() == before
    assert Activity.objects.get(call_id="n1").contact == mine


def test_same_call_id_is_separate_call(api: Api, theirs: dict[str, str]) -> None:
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
def test_call_is_not_assigned_to_contact_of_other_branch(
    api: Api, theirs: dict[str, str], kind: str
) -> None:
    api.ok(
        "CreateActivity",
        {"call_id": "n1", "caller_number": "020 915 0555", "contact_id": theirs[kind]},
    )
    assert Activity.objects.get(call_id="n1").contact_id == ""


@pytest.mark.parametrize("field", ["user_id", "extension", "user_email"])
def test_call_is_not_assigned_to_agent_of_other_branch(
    api: Api, theirs: dict[str, str], field: str
) -> None:
    value = {"user_id": theirs["user"], "extension": "501", "user_email": "stina@example.com"}[
        field
    ]
    api.ok("CreateActivity", {"call_id": "n1", "caller_number": "020 915 0555", field: value})
    assert Activity.objects.get(call_id="n1").agent_id == ""


@pytest.mark.parametrize("query", ["020 915 0900", "020 915 0901", "020 915 0999"])
def test_number_of_other_branch_returns_no_contact(
    api: Api, theirs: dict[str, str], query: str
) -> None:
    assert api.results("FindContact", {"phone": query}) == []


@pytest.mark.parametrize("hook", ["Users", "Contacts", "Organizations"])
def test_lists_do_not_contain_other_branch(api: Api, theirs: dict[str, str], hook: str) -> None:
    assert api.results(hook) == []
    assert make_api("south").results(hook) != []


def test_same_person_is_separate_contact(api: Api, theirs: dict[str, str]) -> None:
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


def test_key_without_branch_has_no_access(north: Branch, theirs: dict[str, str]) -> None:
    api = make_api("")
    assert [api.results(hook) for hook in ("Users", "Contacts", "Organizations")] == [[], [], []]
    assert api.results("FindContact", {"phone": "020 915 0900"}) == []
    assert (
        api.call("UpdateContact", {"id": theirs["person"], "last_name": "Changed"}).status_code
        == 404
    )
    assert (
        api.call("UpdateActivity", {"id": theirs["activity"], "subject": "Changed"}).status_code
        == 404
    )


@pytest.mark.parametrize("tenant", ["SOUTH", "söuth", "south "])
def test_tenants_are_compared_exactly(theirs: dict[str, str], tenant: str) -> None:
    api = make_api(tenant)
    assert [api.results(hook) for hook in ("Users", "Contacts", "Organizations")] == [[], [], []]
    assert api.results("FindContact", {"phone": "020 915 0900"}) == []
    contact = {"id": theirs["person"], "last_name": "Taken"}
    assert api.call("UpdateContact", contact).status_code == 404
    call = {"id": theirs["activity"], "subject": "Taken"}
    assert api.call("UpdateActivity", call).status_code == 404


@pytest.mark.parametrize("extension", ["DESK", "désk"])
def test_extensions_are_compared_exactly(api: Api, north: Branch, extension: str) -> None:
    una = Staff.objects.create(user=User.objects.create_user("una"), branch=north, desk="desk")
    api.ok("CreateActivity", {"call_id": "n1", "extension": extension})
    assert Activity.objects.get().agent_id == ""
    api.ok("CreateActivity", {"call_id": "n2", "extension": "desk"})
    assert Activity.objects.get(call_id="n2").agent_id == str(una.pk)


def test_password_has_access_to_branch_of_user(theirs: dict[str, str]) -> None:
    user = User.objects.get(username="stina")
    user.set_password("correct horse")
    user.save()
    user.user_permissions.add(Permission.objects.get(codename="use_api"))
    client = Client(headers={"Authorization": "Basic c3RpbmE6Y29ycmVjdCBob3JzZQ=="})
    response = client.get("/ringotel/contacts/find/", {"phone": "020 915 0900"})
    assert [contact["id"] for contact in read(response)["results"]] == [theirs["person"]]


@pytest.mark.parametrize(("branch", "status"), [("south", 200), ("north", 404)])
def test_recording_is_playable_in_its_branch(
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


def test_tenant_of_credential_cannot_change(north: Branch) -> None:
    options = {"auth": "bearer", "base_url": "https://crm.example.com", "name": "desk"}
    call_command("ringotel_connect", **options, tenant="north")
    for tenant in ("south", ""):
        with pytest.raises(CommandError):
            call_command("ringotel_connect", **options, tenant=tenant)


def test_index_follows_change_of_branch(theirs: dict[str, str], north: Branch) -> None:
    entry = PhoneIndex.objects.get(e164="+353209150900")
    assert entry.tenant == "south"
    person = Person.objects.get()
    person.branch = north
    person.save()
    assert PhoneIndex.objects.get(e164="+353209150900").tenant == "north"
