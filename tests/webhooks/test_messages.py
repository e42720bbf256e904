"""Messages: conversations with a contact, a status that only moves forward, files, answers, forgetting."""

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
from ringotel_crm.records import Actor
from ringotel_crm.services import messages
from ringotel_crm.services.privacy import erasure
from ringotel_crm.services.privacy.subjects import find_subject
from ringotel_crm.testing import Fault, RingotelServer
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
    for told in events:
        assert phone.post(told).status_code == 200
    failed = WebhookEvent.objects.exclude(status="processed").values_list("error", flat=True)
    assert list(failed) == []


def test_a_conversation_in_both_directions(phone: Sender) -> None:
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
def test_who_sent_it(phone: Sender, sender_number: str, receiver: str, is_outgoing: bool) -> None:
    post(phone, sent(**{"from": sender_number, "to": receiver}))

    assert Message.objects.get().is_outgoing is is_outgoing


def test_two_users_have_two_conversations_and_a_stranger_has_no_contact(phone: Sender) -> None:
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
    told = [sent(), event("delivered"), event("read"), sent(), event("delivered")]
    for order in random.Random(3).sample(list(itertools.permutations(told)), k=20):
        Conversation.objects.all().delete()
        Message.objects.all().delete()
        post(phone, *order)
        message = Message.objects.get()
        assert (message.text, message.status, message.is_outgoing) == ("Hello", "read", True)
        assert message.conversation


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["message", "deleted", "updated"])), ids="-".join
)
def test_what_was_withdrawn_stays_withdrawn(phone: Sender, order: tuple[str, ...]) -> None:
    told = {
        "message": sent("secret"),
        "deleted": event("deleted"),
        "updated": event("updated", content="more secret"),
    }
    post(phone, *(told[name] for name in order))

    message = Message.objects.get()
    assert (message.text, message.file_url) == ("", "")
    assert message.deleted_at
    assert message.conversation


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_edit_counts_more_than_what_it_edits(phone: Sender, order: tuple[int, ...]) -> None:
    told = [sent("Helo"), event("updated", content="Hello")]
    post(phone, *(told[i] for i in order))

    assert Message.objects.get().text == "Hello"


def test_a_file_that_cannot_be_fetched_is_tried_again_and_then_given_up(phone: Sender) -> None:
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


def test_a_file_is_kept_and_given_only_as_a_download(
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
def test_a_withdrawn_file_is_gone(
    phone: Sender, monkeypatch: pytest.MonkeyPatch, media_root: Path
) -> None:
    monkeypatch.setattr(messages, "download_to", lambda file, url, **limits: file.write(b"photo"))
    post(phone, received("https://files.example.com/x.jpg", type=2))
    assert [path.read_bytes() for path in media_root.rglob("*") if path.is_file()] == [b"photo"]
    post(phone, event("deleted"))

    assert [path for path in media_root.rglob("*") if path.is_file()] == []
    assert Message.objects.get().file.name == ""


def reply(client: Client, text: str) -> str:
    conversation = Conversation.objects.get()
    url = f"/admin/ringotel_crm/conversation/{conversation.pk}/change/"
    return client.post(url, {"reply": text}, follow=True).content.decode()


def test_an_answer_from_the_admin(phone: Sender, settings: Settings, admin_client: Client) -> None:
    post(phone, sent("Hello", "m1"), received("What?", "m2"))
    with RingotelServer(key=KEY) as ringotel:
        settings.RINGOTEL_CRM = ringotel.settings()
        page = reply(admin_client, "Never mind <b>")
        assert ringotel.requests == [
            (
                "message",
                {
                    "orgid": ringotel.org_id,
                    "from": "500",
                    "to": THEIRS,
                    "content": "Never mind <b>",
                },
            )
        ]
        assert "Never mind &lt;b&gt;" in page
        last = Message.objects.order_by("at").last()
        assert last
        # Ringotel tells of it, too.
        post(phone, sent("Never mind <b>", last.message_id), event("delivered", last.message_id))
        assert list(Message.objects.order_by("at").values_list("text", "status")) == [
            ("Hello", "sent"),
            ("What?", "sent"),
            ("Never mind <b>", "delivered"),
        ]

        ringotel.faults.append(Fault.LOST)
        page = reply(admin_client, "Once <more>")
        assert "Nobody knows whether this was sent" in page
        assert "Once &lt;more&gt;" in page  # to be copied
        assert ringotel.methods() == ["message", "message"]  # not repeated

        settings.RINGOTEL_CRM = ringotel.settings(ORGANIZATION_ID="1")
        assert "Not sent: Ringotel refused message" in reply(admin_client, "Again")
    assert Message.objects.count() == 3


def test_an_answer_that_was_withdrawn_before_it_is_logged(phone: Sender) -> None:
    post(phone, sent(), event("deleted", "m2"), event("updated", "m3", content="Better"))
    for id in ("m2", "m3"):
        messages.log_reply(Conversation.objects.get(), id, "Worse", timezone.now())

    assert list(Message.objects.order_by("message_id").values_list("text", flat=True)) == [
        "Hello",
        "",
        "Better",
    ]


def test_who_may_answer(phone: Sender, client: Client) -> None:
    post(phone, sent())
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    client.force_login(reader)
    url = f"/admin/ringotel_crm/conversation/{Conversation.objects.get().pk}/change/"

    assert b"Hello" in client.get(url).content
    assert client.post(url, {"reply": "Psst"}).status_code == 403


def test_a_person_is_forgotten(phone: Sender) -> None:
    post(phone, sent("of Ada"), sent("of another", "m2", to="442079460777"))
    phone.tell({**started(), "api_key": KEY})
    backend = get_backend(Actor(user=None))
    person = find_subject(
        backend, contact_id=Conversation.objects.get(remote_number_normalized=number(1)).contact_id
    )

    receipt = erasure.erase_subject(backend, person)

    assert receipt["messages"] == 1
    assert [message.text for message in Message.objects.all()] == ["of another"]
    assert not WebhookEvent.objects.filter(body__contains=THEIRS).exists()
    assert WebhookEvent.objects.count() == 1


def test_the_agent_of_a_conversation_is_told_by_a_confirmed_mapping(phone: Sender) -> None:
    RingotelUser.objects.create(ringotel_id=USER, agent_id=str(make_user("kim").pk), confirmed=True)
    post(phone, received(to=number(900)))

    assert Conversation.objects.get().agent_name == "kim"
