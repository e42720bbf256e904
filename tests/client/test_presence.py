"""Live states of Ringotel's users: on the desk, and before a call is started."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from ringotel_crm.client import presence
from ringotel_crm.client.presence import get_presence
from ringotel_crm.internal import cache
from ringotel_crm.models import Activity
from ringotel_crm.records import Presence
from ringotel_crm.testing import Fault, RefusalShape, RingotelServer
from tests.factories import make_user, number

LIVE = "/admin/ringotel_crm/activity/live/"
CALL = "/ringotel/call/"


@pytest.fixture
def una(db: None) -> User:
    user = make_user("una", "500", is_staff=True)
    for codename in ("place_call", "view_activity"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    return user


def make_live_call() -> Activity:
    return Activity.objects.create(
        call_id="c1",
        direction="inbound",
        extension="500",
        caller_number=number(1),
        caller_e164=number(1),
        start=timezone.now(),
    )


class TestStates:
    def test_states_are_known_by_extension(self, ringotel: RingotelServer) -> None:
        ringotel.add_user("Una", "500", attached=("501",), state=8)
        ringotel.add_user("Kim", "502", state=0)
        ringotel.add_user("Park 1", "5901", status=-2, state=-1)

        assert get_presence() == {
            "500": Presence.CONNECTED,
            "501": Presence.CONNECTED,
            "502": Presence.OFFLINE,
        }

    def test_states_are_cached_for_seconds(
        self, ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user = ringotel.add_user("Una", "500", state=1)
        get_presence()
        user["state"] = 0
        assert get_presence() == {"500": Presence.ONLINE}
        assert ringotel.methods() == ["getUsers"]

        monkeypatch.setattr(presence, "FRESH_SECONDS", -1)
        cache.delete(f"{presence.CACHE_KEY}:reading")
        assert get_presence() == {"500": Presence.OFFLINE}

    @pytest.mark.parametrize("fault", [Fault.SLOW, Fault.RESET, Fault.ERROR_500, Fault.HTML])
    def test_failure_is_not_waited_for_and_not_repeated_at_once(
        self, ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch, fault: Fault
    ) -> None:
        monkeypatch.setattr(presence, "TIMEOUT", 0.2)
        ringotel.add_user("Una", "500")
        ringotel.faults.append(fault)

        assert get_presence() == get_presence() == {}
        assert ringotel.methods() == ["getUsers"]

    def test_nothing_is_asked_without_a_key(self) -> None:
        assert get_presence() == {}


class TestDesk:
    def test_live_calls_show_the_state_of_the_agents_phone(
        self, ringotel: RingotelServer, client: Client, una: User
    ) -> None:
        ringotel.add_user("Una", "500", state=3)
        make_live_call()
        client.force_login(una)

        assert "do not disturb" in client.get(LIVE).content.decode()
        assert "do not disturb" in client.get(f"{LIVE}calls/").content.decode()

    @pytest.mark.parametrize(
        ("state", "shown", "is_incoming"),
        [(7, "ringing", True), (8, "in_progress", False), (99, "live", True)],
    )
    def test_call_is_in_progress_when_the_phone_is_connected(
        self,
        ringotel: RingotelServer,
        client: Client,
        una: User,
        state: int,
        shown: str,
        is_incoming: bool,
    ) -> None:
        ringotel.add_user("Una", "500", state=state)
        make_live_call()
        client.force_login(una)
        page = client.get(f"{LIVE}calls/").content.decode()

        assert f"ringotel-badge ringotel-{shown}" in page
        assert ('data-incoming="1"' in page) is is_incoming

    def test_change_of_a_state_is_seen(
        self,
        ringotel: RingotelServer,
        client: Client,
        una: User,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(presence, "FRESH_SECONDS", -1)
        user = ringotel.add_user("Una", "500", state=1)
        make_live_call()
        client.force_login(una)

        def poll(etag: str = "") -> Any:
            cache.delete(f"{presence.CACHE_KEY}:reading")
            return client.get(f"{LIVE}calls/", headers={"If-None-Match": etag} if etag else {})

        etag = poll()["ETag"]
        assert poll(etag).status_code == 304
        user["state"] = 8
        assert poll(etag).status_code == 200

    def test_nothing_is_asked_while_no_call_is_live(
        self, ringotel: RingotelServer, client: Client, una: User
    ) -> None:
        client.force_login(una)
        client.get(f"{LIVE}calls/")

        assert ringotel.methods() == []

    def test_list_of_agents_shows_the_states(
        self, ringotel: RingotelServer, admin_client: Client, una: User
    ) -> None:
        make_user("kim", "501")
        ringotel.add_user("Una", "500", state=4)
        page = admin_client.get("/admin/ringotel_crm/agent/").content.decode()

        states = re.findall(r'field-presence">(.*?)</td>', page)
        assert ["at the desk" in state for state in states] == [True, False]


class TestClickToCall:
    def call(self, client: Client, **data: str) -> tuple[int, str]:
        headers = {"Accept": "text/plain"}
        response = client.post(CALL, {"number": number(1), **data}, headers=headers)
        return response.status_code, response.content.decode()

    @pytest.mark.parametrize(("state", "words"), [(0, "offline"), (5, "desk phone only")])
    def test_phone_that_cannot_ring_is_warned_about_and_another_one_offered(
        self, ringotel: RingotelServer, client: Client, una: User, state: int, words: str
    ) -> None:
        ringotel.add_user("Una", "500", state=state)
        client.force_login(una)
        page = client.get(CALL, {"number": number(1)}).content.decode()

        assert f"Your Ringotel app cannot ring ({words})." in page
        assert f'href="tel:{number(1)}"' in page
        assert self.call(client) == (409, f"Your Ringotel app cannot ring ({words}).")
        assert "initCall" not in ringotel.methods()

    def test_call_can_be_started_anyway(
        self, ringotel: RingotelServer, client: Client, una: User
    ) -> None:
        ringotel.add_user("Una", "500", state=0)
        client.force_login(una)
        assert 'name="force"' in client.get(CALL, {"number": number(1)}).content.decode()

        assert self.call(client, force="1")[0] == 200
        assert ringotel.methods().count("initCall") == 1

    @pytest.mark.parametrize("state", [1, 2, 3, 4, 6, 7, 8])
    def test_other_states_do_not_stop_a_call(
        self, ringotel: RingotelServer, client: Client, una: User, state: int
    ) -> None:
        ringotel.add_user("Una", "500", state=state)
        client.force_login(una)

        assert "cannot ring" not in client.get(CALL, {"number": number(1)}).content.decode()
        assert self.call(client)[0] == 200

    @pytest.mark.parametrize("shape", RefusalShape)
    def test_call_is_started_if_the_state_is_not_known(
        self, ringotel: RingotelServer, client: Client, una: User, shape: RefusalShape
    ) -> None:
        ringotel.refusal, ringotel.refusals["getUsers"] = shape, "Not on this plan"
        client.force_login(una)

        assert self.call(client)[0] == 200
