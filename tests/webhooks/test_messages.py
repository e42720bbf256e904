"""Messages: conversations with a contact, a status that only moves forward, files, erasure."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.backends import get_backend
from ringotel_crm.models import Conversation, Message, RingotelUser, WebhookEvent
from ringotel_crm.records import Actor, WrittenMessage
from ringotel_crm.services import messages
from ringotel_crm.services.privacy import erasure
from ringotel_crm.services.privacy.subjects import find_subject
from ringotel_crm.testing import RingotelServer
from tests.factories import make_contact, make_user, number
from tests.webhooks.sender import Sender, started

KEY = "the-account-key-5c2d7008"
USER = "17295348437628309790"
THEIRS = "442079460001"


@pytest.fixture
def phone(sender: Sender, settings: Settings) -> Sender:
    settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY, "COMPANY_NUMBERS": [number(900)]}
    make_user("una", "500")
    make_contact("Ada Example", number(1))
    return sender


def event(method: str, id: str = "m1", **params: Any) -> dict[str, Any]:
    return {
        "method": method,
        "api_key": KEY,
        "params": {"messageid": id, "userid": USER, "orgid": "1", "sessionid": "s1", **params},
    }


def sent(text: str = "Hello", id: str = "m1", **params: Any) -> dict[str, Any]:
    return event(
        "message", id, **{"from": "500", "to": THEIRS, "content": text, "type": 1, **params}
    )


def received(text: str = "Hello", id: str = "m1", **params: Any) -> dict[str, Any]:
    return sent(text, id, **{"from": THEIRS, "to": "500", **params})


def post(phone: Sender, *events: dict[str, Any]) -> None:
    for one in events:
        assert phone.post(one).status_code == 200
    failed = WebhookEvent.objects.exclude(status="processed").values_list("error", flat=True)
    assert list(failed) == []


def test_conversation_has_messages_in_both_directions(phone: Sender) -> None:
    post(
        phone,
        sent("How are you?", "m1"),
        received("Well.", "m2"),
        received("And you?", "m3", to=number(900)),
    )

    conversation = Conversation.objects.get()
    assert (conversation.contact_name, conversation.agent_name) == ("Ada Example", "una")
    assert (conversation.local_number, conversation.remote_number_normalized) == ("500", number(1))
    assert list(conversation.messages.values_list("text", "is_outgoing")) == [
        ("How are you?", True),
        ("Well.", False),
        ("And you?", False),
    ]
    assert KEY not in json.dumps(list(WebhookEvent.objects.values()), default=str)


def test_messages_are_on_the_timeline_of_the_contact(
    phone: Sender, admin_client: Client, client: Client
) -> None:
    post(
        phone,
        sent("Where are you?", "m1"),
        received("On <my> way.", "m2"),
        sent("Secret", "m3"),
        event("deleted", "m3"),
    )
    url = f"/admin/ringotel_minicrm/contact/{Conversation.objects.get().contact_id}/change/"
    page = admin_client.get(url).content.decode()
    assert page.index("On &lt;my&gt; way.") < page.index("Where are you?")
    assert "Secret" not in page

    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_contact"))
    client.force_login(reader)
    assert "Where are you?" not in client.get(url).content.decode()


@pytest.mark.parametrize(
    ("sender_number", "receiver", "is_outgoing"),
    [
        ("500", THEIRS, True),
        (THEIRS, "500", False),
        (number(900), THEIRS, True),
        (THEIRS, number(900), False),
        ("777", THEIRS, True),
        ("22000", "500", False),
        ("", "500", False),
    ],
)
def test_direction_of_a_message(
    phone: Sender, sender_number: str, receiver: str, is_outgoing: bool
) -> None:
    post(phone, sent(**{"from": sender_number, "to": receiver}))

    assert Message.objects.get().is_outgoing is is_outgoing


def test_two_users_have_two_conversations_and_an_unknown_number_has_no_contact(
    phone: Sender,
) -> None:
    post(
        phone,
        sent(),
        sent(id="m2", userid="2", **{"from": "501"}),
        sent(id="m3", to="442079460777"),
    )

    assert sorted(Conversation.objects.values_list("remote_number_normalized", "contact_name")) == [
        (number(1), "Ada Example"),
        (number(1), "Ada Example"),
        (number(777), ""),
    ]


def test_any_order_ends_in_the_same_message(phone: Sender) -> None:
    events = [sent(), event("delivered"), event("read"), sent(), event("delivered")]
    for order in random.Random(3).sample(list(itertools.permutations(events)), k=20):
        Conversation.objects.all().delete()
        Message.objects.all().delete()
        post(phone, *order)
        message = Message.objects.get()
        assert (message.text, message.status, message.is_outgoing) == ("Hello", "read", True)
        assert message.conversation


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["message", "deleted", "updated"])), ids="-".join
)
def test_deleted_message_stays_empty(phone: Sender, order: tuple[str, ...]) -> None:
    events = {
        "message": sent("secret"),
        "deleted": event("deleted"),
        "updated": event("updated", content="more secret"),
    }
    post(phone, *(events[name] for name in order))

    message = Message.objects.get()
    assert (message.text, message.file_url) == ("", "")
    assert message.deleted_at
    assert message.conversation


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_edit_replaces_the_text_in_any_order(phone: Sender, order: tuple[int, ...]) -> None:
    events = [sent("Helo"), event("updated", content="Hello")]
    post(phone, *(events[i] for i in order))

    assert Message.objects.get().text == "Hello"


def test_file_that_cannot_be_downloaded_is_tried_a_limited_number_of_times(phone: Sender) -> None:
    with (
        RingotelServer() as server
    ):  # any server on this computer: it is not on the public internet
        post(phone, received(server.url, type=2))

        message = Message.objects.get()
        assert (message.text, message.file_url, message.file.name, message.file_attempts) == (
            "",
            server.url,
            "",
            1,
        )
        assert message.file_error
        for _attempt in range(10):
            for unfetched in messages.messages_to_download():
                assert not messages.download_attachment(unfetched)
        assert Message.objects.get().file_attempts == messages.FILE_ATTEMPTS
        assert server.requests == []


def test_file_is_stored_and_served_as_a_download_only(
    phone: Sender,
    monkeypatch: pytest.MonkeyPatch,
    admin_client: Client,
    client: Client,
    media_root: Path,
) -> None:
    monkeypatch.setattr(
        messages,
        "download_to",
        lambda file, url, **limits: file.write(b"<script>alert(1)</script>"),
    )
    post(phone, received("https://files.example.com/x.html", type=2))
    url = f"/ringotel/messages/{Message.objects.get().pk}/file/"

    response = admin_client.get(url)
    assert b"".join(response) == b"<script>alert(1)</script>"
    assert response["Content-Disposition"].startswith("attachment")
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == (
        "application/octet-stream",
        "nosniff",
    )
    assert client.get(url).status_code == 302
    client.force_login(make_user("guest"))
    assert client.get(url).status_code == 403
    Path(Message.objects.get().file.path).unlink()
    assert admin_client.get(url).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_file_of_a_deleted_message_is_deleted(
    phone: Sender, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    monkeypatch.setattr(messages, "download_to", lambda file, url, **limits: file.write(b"photo"))
    post(phone, received("https://files.example.com/x.jpg", type=2))
    assert [path.read_bytes() for path in media_root.rglob("*") if path.is_file()] == [b"photo"]
    post(phone, event("deleted"))

    assert [path for path in media_root.rglob("*") if path.is_file()] == []
    assert Message.objects.get().file.name == ""


@pytest.mark.parametrize("sender_name", ["ACME", "68849"])
def test_sender_with_a_name_or_a_short_code_is_outside(
    sender: Sender, settings: Settings, sender_name: str
) -> None:
    settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY}
    names = {"from": sender_name, "to": "353212028200"}
    post(sender, sent(**names), sent(id="m2", **{**names, "from": "Sample Bank"}))

    assert list(Message.objects.values_list("is_outgoing", flat=True)) == [False, False]
    numbers = Conversation.objects.values_list("remote_number", flat=True)
    assert sorted(numbers) == sorted([sender_name, "Sample Bank"])


@pytest.mark.parametrize(
    ("extension", "sender_name", "is_outgoing"),
    [("500", "777", True), ("500", "68849", False), ("50001", "68849", True), ("", "6884", True)],
)
def test_unknown_extension_is_told_from_a_short_code_by_its_length(
    sender: Sender, settings: Settings, extension: str, sender_name: str, is_outgoing: bool
) -> None:
    settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY}
    make_user("una", extension)
    post(sender, sent(**{"from": sender_name}))

    assert Message.objects.get().is_outgoing is is_outgoing


def test_direction_is_known_by_the_extensions_of_the_ringotel_user(phone: Sender) -> None:
    owner = RingotelUser.objects.create(ringotel_id=USER, extension="600")
    RingotelUser.objects.create(ringotel_id="2", extension="60001", owner=owner)
    post(
        phone,
        sent(id="m1", **{"from": "60001"}),
        sent(id="m2", sessionid="s2", **{"from": "777", "to": THEIRS}),
        sent(id="m3", **{"from": "600", "to": "visitor-1"}),
    )

    sides = dict(Message.objects.values_list("message_id", "is_outgoing"))
    assert sides == {"m1": True, "m2": False, "m3": True}


def test_direction_is_known_by_the_chat_session(phone: Sender) -> None:
    post(phone, received(id="m1"), sent(id="m2", **{"from": "999999", "to": THEIRS}))

    assert Message.objects.get(message_id="m2").is_outgoing is True


def test_message_of_an_attached_extension_belongs_to_its_owner(phone: Sender) -> None:
    owner = RingotelUser.objects.create(ringotel_id="1", extension="500")
    RingotelUser.objects.create(ringotel_id="2", extension="501", owner=owner)
    post(phone, received(to="501", userid="2"))

    assert Conversation.objects.get().agent_name == "una"


def test_receiver_may_have_an_id_instead_of_a_number(phone: Sender) -> None:
    event = sent(senderid="visitor-1")
    del event["params"]["to"]
    post(phone, event)

    assert (Message.objects.get().is_outgoing, Conversation.objects.get().remote_number) == (
        True,
        "visitor-1",
    )


def test_session_of_the_latest_message_is_kept(phone: Sender) -> None:
    post(phone, received(id="m1", sessionid="s1"), sent(id="m2", sessionid="s2"))

    assert Conversation.objects.get().session_id == "s2"
    assert set(Message.objects.values_list("session_id", flat=True)) == {"s1", "s2"}


def documented(method: str, **params: Any) -> dict[str, Any]:
    """An event with the documented parameters only."""
    return {"method": method, "api_key": KEY, "params": params}


def test_read_report_is_about_the_messages_of_its_session(phone: Sender) -> None:
    post(
        phone,
        received(id="m1", sessionid="s1"),
        sent(id="m2", sessionid="s1"),
        received(id="m3", sessionid="s2"),
        documented("delivered", messageid="m3", sessionid="s2"),
        documented("read", sessionid="s1"),
        documented("read", sessionid="unknown"),
    )

    states = dict(Message.objects.values_list("message_id", "status"))
    assert states == {"m1": "read", "m2": "sent", "m3": "delivered"}


def test_unread_conversation_is_marked_and_can_be_filtered(
    phone: Sender, admin_client: Client
) -> None:
    url = "/admin/ringotel_crm/conversation/"

    def is_marked() -> bool:
        assert ("Ada" in admin_client.get(url, {"unread": "1"}).content.decode()) == (
            Conversation.objects.get().is_unread
        )
        return "unread</span>" in admin_client.get(url).content.decode()

    post(phone, sent(id="m1"))
    assert not is_marked()
    post(phone, received(id="m2"))
    assert is_marked()
    post(phone, documented("read", sessionid="s1"))
    assert not is_marked()
    post(phone, documented("unread", sessionid="s1"))
    assert is_marked()
    assert Message.objects.get(message_id="m2").status == "read"


def test_delivered_is_shown_as_the_receipt_of_the_app(phone: Sender, admin_client: Client) -> None:
    post(phone, received(), documented("delivered", messageid="m1", sessionid="s1"))
    url = f"/admin/ringotel_crm/conversation/{Conversation.objects.get().pk}/change/"

    assert "received by the app" in admin_client.get(url).content.decode()


def test_call_in_a_chat_is_no_message(phone: Sender) -> None:
    content = {"duration": 100, "caller": "500", "called": THEIRS, "subject": "Sales"}
    post(phone, sent(type=8, content=content))

    assert not Message.objects.exists()


@pytest.mark.parametrize("method", ["read", "unread"])
def test_report_without_a_session_fails(phone: Sender, method: str) -> None:
    assert phone.post(documented(method)).status_code == 200
    assert "This field is required" in WebhookEvent.objects.get().error


def test_reply_that_was_deleted_or_edited_before_it_is_logged(phone: Sender) -> None:
    post(phone, sent(), event("deleted", "m2"), event("updated", "m3", content="Better"))
    conversation = Conversation.objects.get()
    for id in ("m2", "m3"):
        messages.create_reply(conversation, id, "Worse", timezone.now())
        messages.join_copy(conversation, id, WrittenMessage(id=id))

    texts = Message.objects.order_by("message_id").values_list("text", flat=True)
    assert list(texts) == ["Hello", "", "Better"]


def test_reply_needs_a_permission(phone: Sender, client: Client) -> None:
    post(phone, sent())
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    client.force_login(reader)
    url = f"/admin/ringotel_crm/conversation/{Conversation.objects.get().pk}/change/"

    assert b"Hello" in client.get(url).content
    assert client.post(url, {"reply": "Psst"}).status_code == 403


def test_erasure_deletes_the_messages_of_a_person(phone: Sender) -> None:
    post(phone, sent("of Ada"), sent("of another", "m2", to="442079460777"))
    phone.send({**started(), "api_key": KEY})
    backend = get_backend(Actor(user=None))
    person = find_subject(
        backend, contact_id=Conversation.objects.get(remote_number_normalized=number(1)).contact_id
    )

    receipt = erasure.erase_subject(backend, person)

    assert receipt["messages"] == 1
    assert [message.text for message in Message.objects.all()] == ["of another"]
    assert not WebhookEvent.objects.filter(body__contains=THEIRS).exists()
    assert WebhookEvent.objects.count() == 1


def test_agent_of_a_conversation_is_known_by_a_confirmed_match(phone: Sender) -> None:
    RingotelUser.objects.create(ringotel_id=USER, agent_id=str(make_user("kim").pk), confirmed=True)
    post(phone, received(to=number(900)))

    assert Conversation.objects.get().agent_name == "kim"
