"""Replies: into the agent's chat by default, through a carrier where a backend is set."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.client import transport
from ringotel_crm.models import Conversation, Message, RingotelUser
from ringotel_crm.services import messages
from ringotel_crm.testing import Fault, RefusalShape, RingotelServer
from tests.client.twilio import TwilioBackend
from tests.factories import make_user, number
from tests.webhooks.sender import Sender, make_webhook

THEIRS = "442079460001"
USER = "17295348437628309790"
SESSION = "1710098613465-02d8b0a8b078cf73e5"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def conversation(ringotel: RingotelServer, db: None) -> Conversation:
    """A conversation with a message from outside, as Ringotel's webhook reports it."""
    make_user("una", "500")
    ringotel.add_user("Una", "500", id=USER)
    post(ringotel, received())
    return Conversation.objects.get()


def received(id: str = "m1", **params: Any) -> dict[str, Any]:
    fields = {"from": THEIRS, "to": "500", "content": "Where are you?", "type": 1}
    ids = {"messageid": id, "sessionid": SESSION, "userid": USER, "orgid": "1"}
    return {"method": "message", "params": {**ids, **fields, **params}}


def post(ringotel: RingotelServer, *events: dict[str, Any]) -> None:
    sender = Sender(make_webhook())
    for event in events:
        response = sender.post({**event, "api_key": ringotel.key})
        assert response.status_code == 200, response.content


def reply(client: Client, text: str = "On my way.", key: str = KEY) -> str:
    url = f"/admin/ringotel_crm/conversation/{Conversation.objects.get().pk}/change/"
    return client.post(url, {"reply": text, "key": key}, follow=True).content.decode()


def replies() -> list[tuple[str, str]]:
    found = Message.objects.filter(is_outgoing=True).order_by("at", "pk")
    return list(found.values_list("text", "carrier_status"))


def sent(ringotel: RingotelServer) -> list[dict[str, Any]]:
    return [params for method, params in ringotel.requests if method == "message"]


class TestRingotelChat:
    """The default backend."""

    def test_reply_is_written_into_the_chat_and_the_page_claims_nothing_more(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        before = int(timezone.now().timestamp() * 1000)
        page = reply(admin_client)

        [params] = sent(ringotel)
        assert before <= params.pop("timestamp")
        assert params == {
            "orgid": ringotel.org_id,
            "sessionid": SESSION,
            "from": "500",
            "to": THEIRS,
            "content": "On my way.",
            "type": 1,
        }
        assert "It was not sent to the outside number" in page
        assert "only in the agent&#x27;s Ringotel chat" in page
        assert replies() == [("On my way.", "chat")]

    def test_echo_of_the_copy_is_the_same_message(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        reply(admin_client)
        post(ringotel, *ringotel.notifications, *ringotel.notifications)

        assert replies() == [("On my way.", "chat")]
        [echo] = ringotel.notifications
        assert Message.objects.get(is_outgoing=True).message_id == echo["params"]["messageid"]

    def test_echo_before_the_answer_is_the_same_message(
        self,
        ringotel: RingotelServer,
        conversation: Conversation,
        admin_client: Client,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        join = messages.join_copy

        def join_late(*args: Any) -> None:
            [echo] = ringotel.notifications
            delivered = {"messageid": echo["params"]["messageid"]}
            post(ringotel, {"method": "delivered", "params": delivered}, echo)
            join(*args)

        monkeypatch.setattr(messages, "join_copy", join_late)
        reply(admin_client)

        assert replies() == [("On my way.", "chat")]
        assert Message.objects.get(is_outgoing=True).status == "delivered"

    def test_echo_of_another_user_is_the_same_message(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        reply(admin_client)
        [echo] = ringotel.notifications
        echo["params"]["userid"] = "2"
        post(ringotel, echo)

        assert replies() == [("On my way.", "chat")]

    @pytest.mark.parametrize("fault", [Fault.LOST, Fault.SLOW, Fault.ERROR_500, Fault.MALFORMED])
    def test_reply_without_an_answer_is_unknown_and_not_repeated(
        self,
        ringotel: RingotelServer,
        conversation: Conversation,
        admin_client: Client,
        monkeypatch: pytest.MonkeyPatch,
        fault: Fault,
    ) -> None:
        monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
        ringotel.faults.append(fault)

        assert "It is unknown whether this message was sent" in reply(admin_client)
        assert replies() == [("On my way.", "unknown")]
        reply(admin_client)
        assert len(sent(ringotel)) == 1

    def test_echo_settles_a_reply_without_an_answer(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        ringotel.faults.append(Fault.LOST)
        reply(admin_client)
        post(ringotel, *ringotel.notifications)

        assert replies() == [("On my way.", "chat")]

    @pytest.mark.parametrize("shape", RefusalShape)
    def test_refused_reply_is_not_sent(
        self,
        ringotel: RingotelServer,
        conversation: Conversation,
        admin_client: Client,
        shape: RefusalShape,
    ) -> None:
        ringotel.refusal, ringotel.refusals["message"] = shape, "Chats are disabled"

        page = reply(admin_client)
        assert "Not sent: Ringotel refused message: Chats are disabled" in page
        assert replies() == [("On my way.", "failed")]

    def test_same_form_sends_once_and_another_one_again(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        for key in (KEY, KEY, KEY.replace("0", "f")):
            reply(admin_client, key=key)

        assert len(sent(ringotel)) == 2
        assert len(replies()) == 2

    def test_reply_is_in_the_history_of_the_conversation(
        self, conversation: Conversation, admin_client: Client
    ) -> None:
        reply(admin_client)
        url = f"/admin/ringotel_crm/conversation/{conversation.pk}/history/"

        assert "Changed Reply." in admin_client.get(url).content.decode()

    def test_form_has_a_new_key_each_time(
        self, conversation: Conversation, admin_client: Client
    ) -> None:
        url = f"/admin/ringotel_crm/conversation/{conversation.pk}/change/"
        keys = {
            admin_client.get(url).content.decode().partition('name="key" value="')[2][:36]
            for _time in range(2)
        }

        assert len(keys - {""}) == 2

    def test_new_session_in_the_answer_is_kept(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        ringotel.closed_sessions.add(SESSION)
        reply(admin_client)
        conversation.refresh_from_db()
        new = conversation.session_id
        reply(admin_client, key=KEY.replace("0", "f"))

        assert new not in ("", SESSION)
        assert [params["sessionid"] for params in sent(ringotel)] == [SESSION, new]

    def test_session_of_a_webhook_event_is_preferred(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        ringotel.closed_sessions.add(SESSION)
        reply(admin_client)
        post(ringotel, received("m2", sessionid="s2"))
        conversation.refresh_from_db()

        assert conversation.session_id == "s2"

    def test_conversation_without_a_session_gets_one_first(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        Conversation.objects.update(session_id="")
        reply(admin_client)

        opened, written = sent(ringotel)
        assert opened == {"orgid": ringotel.org_id, "from": THEIRS, "to": "500"}
        assert written["sessionid"] == Conversation.objects.get().session_id != ""

    def test_reply_is_certainly_not_sent_if_no_session_can_be_opened(
        self, ringotel: RingotelServer, conversation: Conversation, admin_client: Client
    ) -> None:
        Conversation.objects.update(session_id="")
        ringotel.faults.append(Fault.LOST)

        assert "Not sent: Ringotel did not answer" in reply(admin_client)

    @pytest.mark.parametrize("is_mapped", [True, False])
    def test_reply_to_a_text_to_a_company_number_comes_from_the_agents_extension(
        self, ringotel: RingotelServer, admin_client: Client, db: None, is_mapped: bool
    ) -> None:
        if is_mapped:
            RingotelUser.objects.create(ringotel_id=USER, extension="500")
        else:
            make_user("una", "500")
        post(ringotel, received(to="442079460900"))
        if not is_mapped:
            Conversation.objects.update(agent_id=make_user("kim", "500x").pk)

        reply(admin_client)
        assert [params["from"] for params in sent(ringotel)] == ["500" if is_mapped else "500x"]

    def test_reply_without_a_known_extension_is_not_sent(
        self, ringotel: RingotelServer, admin_client: Client, db: None
    ) -> None:
        post(ringotel, received(to="442079460900"))

        assert "Not sent: The agent&#x27;s extension is not known." in reply(admin_client)
        assert sent(ringotel) == []


class Carrier(BaseHTTPRequestHandler):
    """Twilio's end."""

    requests: list[dict[str, str]]
    status = 201

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.requests.append({name: values[0] for name, values in parse_qs(body).items()})
        if self.status == 0:
            self.close_connection = True
            return
        data = json.dumps({"sid": "SM1", "message": "Not a mobile number"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[type[Carrier]]:
    handler = type("Handler", (Carrier,), {"requests": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setattr(TwilioBackend, "api", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("TWILIO_SID", "AC1")
    monkeypatch.setenv("TWILIO_TOKEN", "secret")
    monkeypatch.setenv("TWILIO_NUMBER", number(900))
    monkeypatch.setenv("SITE_URL", "https://crm.example.com")
    path = "tests.client.twilio.TwilioBackend"
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "SMS_BACKEND": path}
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def receipt(client: Client, status: str, key: str = KEY, token: str = "secret", **data: str) -> int:
    path = f"/ringotel/sms/receipts/?key={key}"
    data = {"MessageSid": "SM1", "MessageStatus": status, **data}
    signed = f"https://crm.example.com{path}" + "".join(sum(sorted(data.items()), ()))
    digest = hmac.digest(token.encode(), signed.encode(), "sha1")
    headers = {"X-Twilio-Signature": base64.b64encode(digest).decode()}
    return client.post(path, data, headers=headers).status_code


@pytest.mark.usefixtures("conversation")
class TestCarrier:
    """A backend of the site's own, over HTTP."""

    def test_reply_is_sent_and_copied_into_the_chat(
        self, ringotel: RingotelServer, carrier: type[Carrier], admin_client: Client
    ) -> None:
        page = reply(admin_client)

        [request] = carrier.requests
        assert (request["From"], request["To"]) == (number(900), number(1))
        assert request["Body"] == "On my way."
        assert "Accepted by the SMS carrier" in page
        assert replies() == [("On my way.", "accepted")]
        assert Message.objects.get(is_outgoing=True).carrier_id == "SM1"
        assert [params["content"] for params in sent(ringotel)] == ["On my way."]
        post(ringotel, *ringotel.notifications)
        assert replies() == [("On my way.", "accepted")]

    def test_copy_that_fails_does_not_change_the_status(
        self, ringotel: RingotelServer, carrier: type[Carrier], admin_client: Client
    ) -> None:
        ringotel.faults.append(Fault.RESET)
        reply(admin_client)

        assert replies() == [("On my way.", "accepted")]

    @pytest.mark.parametrize(
        ("status", "words", "expected"),
        [
            (400, "Not sent: Not a mobile number", "failed"),
            (500, "It is unknown whether this message was sent: HTTPError", "unknown"),
            (0, "It is unknown whether this message was sent: ConnectionError", "unknown"),
        ],
    )
    def test_failure_has_an_honest_status(
        self,
        ringotel: RingotelServer,
        carrier: type[Carrier],
        admin_client: Client,
        status: int,
        words: str,
        expected: str,
    ) -> None:
        carrier.status = status

        assert words in reply(admin_client)
        assert replies() == [("On my way.", expected)]
        reply(admin_client)
        assert len(carrier.requests) == 1
        assert sent(ringotel) == []

    @pytest.mark.parametrize(
        "order", [("delivered",), ("delivered", "failed"), ("failed", "delivered")]
    )
    def test_receipts_come_in_any_order_and_more_than_once(
        self, carrier: type[Carrier], admin_client: Client, client: Client, order: tuple[str, ...]
    ) -> None:
        reply(admin_client)
        for status in (*order, *order, "sent"):
            assert receipt(client, status) == 200

        assert replies() == [("On my way.", "delivered")]
        assert Message.objects.get(is_outgoing=True).carrier_error == ""

    def test_failed_delivery_names_the_reason(
        self, carrier: type[Carrier], admin_client: Client, client: Client
    ) -> None:
        page = f"/admin/ringotel_crm/conversation/{Conversation.objects.get().pk}/change/"
        reply(admin_client)
        receipt(client, "undelivered", ErrorCode="30003")

        assert "not sent: 30003" in admin_client.get(page).content.decode()

    def test_receipt_needs_a_valid_signature_and_a_known_message(
        self, carrier: type[Carrier], admin_client: Client, client: Client
    ) -> None:
        reply(admin_client)

        assert receipt(client, "delivered", token="guessed") == 403
        assert receipt(client, "delivered", key="another") == 404
        assert replies() == [("On my way.", "accepted")]

    def test_receipt_names_the_carriers_id(
        self, carrier: type[Carrier], admin_client: Client
    ) -> None:
        reply(admin_client)

        assert messages.record_receipt(Message.CarrierStatus.DELIVERED, carrier_id="SM1")
        assert replies() == [("On my way.", "delivered")]
        assert not messages.record_receipt(Message.CarrierStatus.DELIVERED)


def test_default_backend_reads_no_receipts(client: Client, db: None) -> None:
    assert client.post("/ringotel/sms/receipts/").status_code == 404


@pytest.mark.parametrize(
    "path", ["nowhere.Backend", "ringotel_crm.conf.conf", "django.http.Http404", ""]
)
def test_unusable_backend_is_reported_by_a_check(settings: Settings, path: str) -> None:
    settings.RINGOTEL_CRM = {"SMS_BACKEND": path}

    assert "ringotel_crm.E040" in [message.id for message in run_checks()]


def test_replies_are_ordered_by_time(conversation: Conversation) -> None:
    now = timezone.now() + dt.timedelta(seconds=1)
    messages.create_reply(conversation, KEY, "Hello", now)

    conversation.refresh_from_db()
    assert conversation.last_at == now
