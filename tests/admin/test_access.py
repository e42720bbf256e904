from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.test import Client

from ringotel_crm.admin import changelist
from ringotel_crm.models import Activity, CallLeg, Recording, search
from tests.factories import at, make_user
from tests.fixtures.admin import login_as, make_call

LIST = "/admin/ringotel_crm/activity/"

pytestmark = pytest.mark.usefixtures("groups")


def user_id(client: Client) -> str:
    return str(client.session["_auth_user_id"])


def recorded(n: int, agent_id: str) -> Recording:
    recording = Recording(
        activity=make_call(n, agent_id=agent_id, comment=f"comment {n}"), content_type="audio/wav"
    )
    recording.size, recording.sha256 = 4, f"{n:064}"
    recording.file.save("x.wav", ContentFile(b"RIFF"), save=False)
    recording.save()
    return recording


@pytest.fixture
def una() -> Client:
    """A user in the agent group only."""
    return login_as("agent", "una")


@pytest.fixture
def mine(una: Client) -> Recording:
    """The recording of a call that Una answered."""
    return recorded(1, user_id(una))


@pytest.fixture
def theirs() -> Recording:
    """The recording of another agent's call."""
    return recorded(2, "999")


def test_agent_sees_and_plays_own_calls_only(
    una: Client, mine: Recording, theirs: Recording
) -> None:
    html = una.get(LIST).content.decode()

    assert f"/ringotel/recordings/{mine.pk}/" in html
    assert f"/ringotel/recordings/{theirs.pk}/" not in html
    assert [call.call_id for call in una.get(LIST).context["cl"].result_list] == ["call-1"]
    audio = una.get(f"/ringotel/recordings/{mine.pk}/")
    assert b"".join(audio) == b"RIFF"
    assert una.get(f"/ringotel/recordings/{theirs.pk}/").status_code in (403, 404)


@pytest.mark.parametrize(
    "query",
    [
        "q=%2B442079460002",
        "agent=999",
        "id__exact=2",
        "call_id=call-2",
        "period=30",
        "_facets=True",
    ],
)
def test_agent_query_returns_own_calls_only(una: Client, theirs: Recording, query: str) -> None:
    html = una.get(f"{LIST}?{query}", follow=True).content.decode()

    assert "comment 2" not in html
    assert f"activity/{theirs.activity_id}/change" not in html


@pytest.mark.parametrize(
    "path",
    [
        "{id}/change/",
        "{id}/history/",
        "{id}/delete/",
        "live/calls/",
        "live/",
        "overview/?days=30",
        "assign/?id={id}",
    ],
)
def test_agent_pages_show_own_calls_only(una: Client, theirs: Recording, path: str) -> None:
    Activity.objects.filter(pk=theirs.activity_id).update(
        status="ringing", agent_name="Other Agent"
    )

    html = una.get(LIST + path.format(id=theirs.activity_id), follow=True).content.decode()

    assert "comment 2" not in html
    assert "Other Agent" not in html
    assert "7946 0002" not in html


@pytest.mark.parametrize("page", ["change", "history"])
def test_agent_opens_pages_of_own_calls(una: Client, mine: Recording, page: str) -> None:
    response = una.get(f"{LIST}{mine.activity_id}/{page}/")

    assert response.status_code == 200
    assert "7946 0001" in response.content.decode()


def test_agent_sees_calls_for_which_own_phone_rang(una: Client, theirs: Recording) -> None:
    call = theirs.activity
    CallLeg.objects.create(activity=call, extension="200", agent_id=user_id(una))
    CallLeg.objects.create(activity=call, extension="201", agent_id="999")
    make_call(3, agent_id="999")

    response = una.get(LIST)

    assert [call.call_id for call in response.context["cl"].result_list] == ["call-2"]
    assert una.get(f"{LIST}{call.pk}/change/").status_code == 200
    # The recording remains that of the agent who took the call.
    assert f"/ringotel/recordings/{theirs.pk}/" not in response.content.decode()
    assert una.get(f"/ringotel/recordings/{theirs.pk}/").status_code in (403, 404)


def test_pages_of_own_calls_are_in_order(una: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changelist, "MAX_PAGES_LOOKED_UP", 2)
    for n in range(121):
        agent = "999" if n == 120 or n % 2 else user_id(una)
        call = make_call(n, agent_id=agent, start=at(9) + dt.timedelta(minutes=n))
        if n < 120 and (n % 2 or n % 10 == 0):
            CallLeg.objects.create(activity=call, extension="200", agent_id=user_id(una))

    pages = [una.get(LIST, {"p": page}).context["cl"] for page in (1, 2)]

    ids = [call.call_id for page in pages for call in page.result_list]
    assert ids == [f"call-{n}" for n in range(119, 19, -1)]
    assert [page.paginator.has_more_rows for page in pages] == [False, True]


def test_own_calls_are_found_by_name_and_filter(
    una: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_KEYS", 1)
    for n in range(4):
        agent = user_id(una) if n % 2 else "999"
        make_call(n, agent_id=agent, contact_name="Ada Example", status="missed")

    rows = una.get(LIST, {"q": "ada", "state": "missed"}).context["cl"].result_list

    assert [call.call_id for call in rows] == ["call-3", "call-1"]


def test_agent_filters_offer_no_other_agents(una: Client, mine: Recording) -> None:
    make_user("kim", "501", first_name="Kim")
    specs = {spec.title: spec for spec in una.get(LIST).context["cl"].filter_specs}

    assert [value for value, _name in specs["agent"].lookup_choices] == ["me", "none"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/admin/ringotel_crm/activity/", "Can view own calls"),
        ("/admin/ringotel_crm/activity/live/", "Can view own calls"),
        ("/admin/ringotel_crm/callback/", "Can view own calls"),
        ("/admin/ringotel_crm/webhook/", "Can view webhook"),
        ("/ringotel/pop/?caller=1", "Can view own calls"),
        ("/ringotel/app/", "Can view own calls"),
        ("/ringotel/call/?number=1", "Can place calls"),
    ],
)
def test_denial_names_the_permission_to_ask_for(path: str, name: str) -> None:
    client = Client()
    client.force_login(make_user("newcomer", is_staff=True))

    response = client.get(path)

    assert response.status_code == 403
    assert f"Ask an administrator for the permission “{name}”." in response.content.decode()


def test_denied_action_does_not_name_a_permission_that_the_user_has(
    una: Client, mine: Recording
) -> None:
    response = una.get(f"{LIST}{mine.activity_id}/delete/")

    assert response.status_code == 403
    assert b"Ask an administrator for the permission to do this." in response.content


def test_call_page_shows_agent_own_earlier_calls_only(una: Client, mine: Recording) -> None:
    number = mine.activity.caller_e164
    theirs = make_call(
        3, agent_id="999", caller_e164=number, caller_number=number, comment="comment 3"
    )
    own = make_call(
        4, agent_id=user_id(una), caller_e164=number, caller_number=number, comment="comment 4"
    )

    html = una.get(f"{LIST}{mine.activity_id}/change/").content.decode()

    assert "comment 4" in html
    assert f"activity/{own.pk}/change" in html
    assert "comment 3" not in html
    assert f"activity/{theirs.pk}/change" not in html


@pytest.mark.parametrize(
    "action", ["add_follow_up", "assign", "export", "create_contact", "delete_selected"]
)
def test_agent_action_leaves_other_calls_unchanged(
    una: Client, theirs: Recording, action: str
) -> None:
    data = {"action": action, "_selected_action": [theirs.activity_id], "post": "yes"}
    response = una.post(LIST, data, follow=True)

    assert (
        b"comment 2" not in b"".join(response)
        if response.streaming
        else b"comment 2" not in response.content
    )
    call = Activity.objects.get(pk=theirs.activity_id)
    assert not call.follow_ups.exists()


def test_agent_cannot_export(una: Client, mine: Recording) -> None:
    assert "export" not in dict(una.get(LIST).context["action_form"].fields["action"].choices)
    response = una.post(LIST, {"action": "export", "_selected_action": [mine.activity_id]})
    assert "csv" not in response.headers.get("Content-Type", "")


def test_agent_cannot_assign_other_calls(una: Client, theirs: Recording) -> None:
    una.post(f"{LIST}assign/", {"id": theirs.activity_id, "contact": ""})

    assert not Activity.objects.get(pk=theirs.activity_id).contact_confirmed


def test_supervisor_sees_all_calls_and_plays_team_recordings(
    mine: Recording, theirs: Recording
) -> None:
    supervisor = login_as("supervisor", "sue")
    supervisor_group = Group.objects.create(name="Team")
    for client_id in (user_id(supervisor), mine.activity.agent_id):
        supervisor_group.user_set.add(int(client_id))

    html = supervisor.get(LIST).content.decode()

    assert "call-1" not in html  # call ids are shown on the page of the call only
    assert len(supervisor.get(LIST).context["cl"].result_list) == 2
    assert f"/ringotel/recordings/{mine.pk}/" in html
    assert f"/ringotel/recordings/{theirs.pk}/" not in html


def test_administrator_plays_all_recordings_and_creates_keys(
    mine: Recording, theirs: Recording
) -> None:
    administrator = login_as("administrator", "ann")

    assert f"/ringotel/recordings/{theirs.pk}/" in administrator.get(LIST).content.decode()
    assert administrator.get("/admin/ringotel_crm/apikey/connect/").status_code == 200


def test_groups_do_not_include_api_permission(db: None) -> None:
    use_api = Permission.objects.get(codename="use_api")

    assert not Group.objects.filter(name__startswith="Ringotel ", permissions=use_api).exists()


def test_group_keeps_permissions_added_by_the_site(db: None) -> None:
    group = Group.objects.get(name="Ringotel agent")
    before = set(group.permissions.values_list("pk", flat=True))
    more = Permission.objects.get(codename="view_user")
    group.permissions.add(more)

    call_command("ringotel_create_groups", verbosity=0)

    assert set(group.permissions.values_list("pk", flat=True)) == before | {more.pk}


def test_denial_of_an_action_does_not_claim_that_the_page_is_forbidden(groups: None) -> None:
    una = login_as("agent", "una")
    Group.objects.get(name="Ringotel agent").permissions.remove(
        Permission.objects.get(codename="change_activity")
    )

    response = una.get("/admin/ringotel_crm/activity/assign/")

    assert response.status_code == 403
    assert "You lack the permission to do this." in response.content.decode()
