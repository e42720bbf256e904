"""Calls, their subjects and comments, sent from the admin to Ringotel."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.client import transport
from ringotel_crm.models import Activity, Conversation
from ringotel_crm.testing import Fault, RefusalShape, RingotelServer
from tests.factories import make_user, number

CALL_ID = "1741433034849-7e62032ad71abeeeac"
SESSION = "1710098613465-02d8b0a8b078cf73e5"


@pytest.fixture
def call(db: None) -> Activity:
    user = make_user("una", "500")
    return Activity.objects.create(
        call_id=CALL_ID,
        direction="inbound",
        status="answered",
        caller_number="442079460001",
        caller_e164=number(1),
        called_number="500",
        extension="500",
        agent_id=str(user.pk),
        agent_name="una",
        start=timezone.now(),
        duration=27,
        comment="Wants an offer.",
    )


@pytest.mark.django_db(transaction=True)
class TestPushNotes:
    @pytest.fixture(autouse=True)
    def _push_notes(self, ringotel: RingotelServer, settings: Settings) -> None:
        settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "PUSH_CALL_NOTES": True}

    def edit(
        self,
        client: Client,
        call: Activity,
        **changes: str,
    ) -> str:
        old = {"subject": call.subject, "comment": call.comment}
        initial = {f"initial-{name}": value for name, value in old.items()}
        legs = {"legs-TOTAL_FORMS": "0", "legs-INITIAL_FORMS": "0"}
        legs |= {"follow_ups-TOTAL_FORMS": "0", "follow_ups-INITIAL_FORMS": "0"}
        url = f"/admin/ringotel_crm/activity/{call.pk}/change/"
        client.post(url, {**old, **changes, **initial, **legs})
        return client.get(url).content.decode()

    def test_edited_notes_are_sent(
        self,
        ringotel: RingotelServer,
        call: Activity,
        admin_client: Client,
    ) -> None:
        self.edit(admin_client, call, subject="Sales")

        params = {"subject": "Sales", "comment": "Wants an offer.", "domain": ringotel.domain}
        assert ringotel.requests == [("updateActivity", {"id": CALL_ID, **params})]

    @pytest.mark.parametrize("changes", [{}, {"legal_hold": "on"}])
    def test_other_changes_are_not_sent(
        self,
        ringotel: RingotelServer,
        call: Activity,
        admin_client: Client,
        changes: dict[str, str],
    ) -> None:
        self.edit(admin_client, call, **changes)

        assert ringotel.requests == []

    @pytest.mark.parametrize("id", ["history-1", "derived-1", "c1", CALL_ID.upper()])
    def test_calls_with_other_ids_are_not_sent(
        self,
        ringotel: RingotelServer,
        call: Activity,
        admin_client: Client,
        id: str,
    ) -> None:
        Activity.objects.update(call_id=id)
        self.edit(admin_client, call, subject="Sales")

        assert ringotel.requests == []

    def test_nothing_is_sent_by_default(
        self,
        ringotel: RingotelServer,
        settings: Settings,
        call: Activity,
        admin_client: Client,
    ) -> None:
        settings.RINGOTEL_CRM = ringotel.settings()
        self.edit(admin_client, call, subject="Sales")

        assert ringotel.requests == []

    def test_failure_is_reported_and_the_notes_are_saved(
        self,
        ringotel: RingotelServer,
        call: Activity,
        admin_client: Client,
    ) -> None:
        ringotel.refusal, ringotel.refusals["updateActivity"] = RefusalShape.RESULT, "Unknown id"
        page = self.edit(admin_client, call, subject="Sales")

        assert (
            "Saved here, but not in Ringotel: Ringotel refused updateActivity: Unknown id" in page
        )
        assert Activity.objects.get().subject == "Sales"


class TestWriteToChat:
    def write(self, client: Client, call: Activity) -> str:
        data = {"action": "write_to_chat", "_selected_action": [call.pk]}
        url = "/admin/ringotel_crm/activity/"
        return client.post(url, data, follow=True).content.decode()

    def sent(self, ringotel: RingotelServer) -> list[dict[str, Any]]:
        return [params for method, params in ringotel.requests if method == "message"]

    def test_call_is_written_into_the_session_of_the_agent_with_the_number(
        self, ringotel: RingotelServer, call: Activity, admin_client: Client
    ) -> None:
        for agent_id, session_id in ((call.agent_id, SESSION), ("another", "s2")):
            Conversation.objects.create(
                ringotel_user_id=agent_id,
                agent_id=agent_id,
                remote_number_normalized=number(1),
                session_id=session_id,
            )
        assert "1 call written" in self.write(admin_client, call)

        [params] = self.sent(ringotel)
        assert call.start
        assert params == {
            "orgid": ringotel.org_id,
            "sessionid": SESSION,
            "type": 8,
            "timestamp": int(call.start.timestamp() * 1000),
            "content": {
                "duration": 27,
                "caller": "442079460001",
                "called": "500",
                "subject": "",
                "comment": "Wants an offer.",
                "transcription": "",
            },
        }

    def test_session_is_opened_if_there_is_none(
        self, ringotel: RingotelServer, call: Activity, admin_client: Client
    ) -> None:
        self.write(admin_client, call)

        opened, written = self.sent(ringotel)
        assert opened == {"orgid": ringotel.org_id, "from": number(1), "to": "500"}
        assert written["sessionid"]

    @pytest.mark.parametrize("fault", [None, Fault.LOST])
    def test_call_is_written_again_only_after_a_change(
        self,
        ringotel: RingotelServer,
        call: Activity,
        admin_client: Client,
        monkeypatch: pytest.MonkeyPatch,
        fault: Fault | None,
    ) -> None:
        monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
        ringotel.faults.extend([None, fault])
        self.write(admin_client, call)
        assert "0 calls written" in self.write(admin_client, call)
        Activity.objects.update(comment="Has the offer.")
        assert "1 call written" in self.write(admin_client, call)

        comments = [
            params["content"]["comment"] for params in self.sent(ringotel) if "content" in params
        ]
        assert comments == ["Wants an offer.", "Has the offer."]

    def test_refused_call_can_be_written_later(
        self, ringotel: RingotelServer, call: Activity, admin_client: Client
    ) -> None:
        ringotel.refusals["message"] = "Chats are disabled"
        page = self.write(admin_client, call)
        assert "Chats are disabled" in page
        assert "0 calls written" in page

        ringotel.refusals.clear()
        assert "1 call written" in self.write(admin_client, call)

    def test_call_without_an_agent_is_not_written(
        self, ringotel: RingotelServer, call: Activity, admin_client: Client
    ) -> None:
        Activity.objects.update(extension="", agent_id="")

        assert "needs an agent with an extension" in self.write(admin_client, call)
        assert ringotel.requests == []

    def test_action_needs_the_key_and_a_permission(
        self, ringotel: RingotelServer, call: Activity, admin_client: Client, settings: Settings
    ) -> None:
        page = admin_client.get("/admin/ringotel_crm/activity/").content.decode()
        assert "write_to_chat" in page
        settings.RINGOTEL_CRM = {}
        page = admin_client.get("/admin/ringotel_crm/activity/").content.decode()
        assert "write_to_chat" not in page
