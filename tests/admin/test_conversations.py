from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ringotel_crm.backends import get_backend
from ringotel_crm.models import Conversation, Message
from ringotel_crm.records import Actor, MessageRecord
from ringotel_crm.services import messages
from tests.factories import make_user
from tests.fixtures.admin import login_as

LIST = "/admin/ringotel_crm/conversation/"
THEIRS = "442079460001"


@pytest.fixture
def conversation(db: None) -> Conversation:
    """Two received messages, one of them after the reply of an agent."""
    for index, (sender, receiver, text) in enumerate(
        [(THEIRS, "500", "First"), ("500", THEIRS, "Second"), (THEIRS, "500", "Third")]
    ):
        record = MessageRecord(
            id=f"m{index}",
            sender=sender,
            receiver=receiver,
            at=timezone.now() - dt.timedelta(minutes=9 - index),
            session_id="s",
            text=text,
        )
        messages.log_message(get_backend(Actor(user=None)), record)
    return Conversation.objects.get()


def page_of(conversation: Conversation) -> str:
    return f"{LIST}{conversation.pk}/change/"


def login_with(client: Client, *codenames: str) -> User:
    user = User.objects.create_user("kim", first_name="Kim", last_name="Sample", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return user


def test_page_shows_a_chat(conversation: Conversation, boss: Client) -> None:
    html = boss.get(page_of(conversation)).content.decode()

    assert "<h1>Messages with +44 20 7946 0001</h1>" in html
    assert html.index("First") < html.index("Second") < html.index("Third")
    assert html.count("ringotel-incoming") == 2
    assert html.count("<time datetime=") == 3
    assert 'value="Send"' in html
    assert "Save and continue" not in html


def test_unread_messages_are_counted_in_the_list(conversation: Conversation, boss: Client) -> None:
    assert "2 unread</span>" in boss.get(LIST).content.decode()


def test_list_shows_local_times_and_can_be_sorted_by_them(
    conversation: Conversation, boss: Client
) -> None:
    html = boss.get(LIST, {"o": "4"}).content.decode()

    assert conversation.last_at is not None
    assert f'<time datetime="{conversation.last_at.isoformat()}">' in html
    assert 'class="sortable column-last_at sorted ascending"' in html


def test_only_the_button_marks_as_read(conversation: Conversation, boss: Client) -> None:
    url = f"{LIST}{conversation.pk}/read/"
    assert boss.get(page_of(conversation)).status_code == 200
    assert boss.get(url).status_code == 405
    conversation.refresh_from_db()
    assert conversation.is_unread

    assert boss.post(url).headers["Location"] == page_of(conversation)
    conversation.refresh_from_db()
    assert not conversation.is_unread
    assert not boss.get(LIST, {"unread": "1"}).context["cl"].result_count
    assert not Message.objects.filter(status=Message.Status.READ)


def test_marking_as_read_requires_the_permission(
    conversation: Conversation, client: Client
) -> None:
    login_with(client, "view_conversation")

    assert client.post(f"{LIST}{conversation.pk}/read/").status_code == 403
    assert "Mark as read" not in client.get(page_of(conversation)).content.decode()


def test_supervisor_may_reply_and_agent_may_not_view(
    conversation: Conversation, groups: None
) -> None:
    html = login_as("supervisor", "sue").get(page_of(conversation)).content.decode()

    assert 'value="Send"' in html
    assert login_as("agent", "una").get(page_of(conversation)).status_code == 403


def test_page_of_a_missing_conversation_is_not_found(db: None, boss: Client) -> None:
    assert boss.post(f"{LIST}1/read/").status_code == 404
    assert boss.post(f"{LIST}x/read/").status_code == 404


def test_reply_shows_its_author_and_marks_as_read(
    conversation: Conversation, client: Client
) -> None:
    Conversation.objects.update(agent_id="1", agent_name="Ben Example")
    login_with(client, "view_conversation", "send_message")

    client.post(page_of(conversation), {"reply": "Fourth"})

    html = client.get(page_of(conversation)).content.decode()
    assert "<bdi>Kim Sample</bdi>" in html
    assert "<bdi>Ben Example</bdi>" in html
    assert "not sent: " in html
    conversation.refresh_from_db()
    assert not conversation.is_unread


def test_page_explains_what_a_reply_will_do(conversation: Conversation, boss: Client) -> None:
    assert "A reply cannot be sent yet." in boss.get(page_of(conversation)).content.decode()


def test_queries_do_not_grow_with_messages(
    conversation: Conversation,
    boss: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    author = make_user("una")
    for index in range(20):
        messages.create_reply(conversation, str(index), "More", timezone.now(), author=author)

    with django_assert_num_queries(5):
        boss.get(page_of(conversation))
