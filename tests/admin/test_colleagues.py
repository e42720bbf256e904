"""Adding a colleague on one page."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.test import Client

from ringotel_crm.models import Agent
from ringotel_crm.onboarding import colleagues
from tests.factories import make_user
from tests.fixtures.admin import login_as

PAGE = "/admin/ringotel_crm/agent/colleague/"
VALUES = {
    "first_name": "Una",
    "last_name": "Sample",
    "email": "una@example.com",
    "extension": "201",
    "role": "Agent",
}


def link(text: str) -> str:
    """Return the path of the invitation's link."""
    found = re.search(r"http://testserver(/ringotel/invitation/[^\s<]+)", html.unescape(text))
    assert found
    return found[1]


def choose_password(client: Client, path: str, password: str) -> Any:
    form = client.get(path, follow=True)
    url = form.redirect_chain[-1][0] if form.redirect_chain else path
    return client.post(url, {"new_password1": password, "new_password2": password})


def test_colleague_is_invited_and_logs_in(boss: Client) -> None:
    page = boss.post(PAGE, VALUES).content.decode()

    user = User.objects.get(email="una@example.com")
    assert (user.get_full_name(), user.ringotel_agent.extension) == ("Una Sample", "201")
    assert [group.name for group in user.groups.all()] == ["Ringotel agent"]
    assert mail.outbox[0].to == ["una@example.com"]
    path = link(str(mail.outbox[0].body))
    assert path == link(page)
    guest = Client()
    response = choose_password(guest, path, "correct horse battery")
    assert response["Location"] == "/admin/ringotel_crm/activity/desk/"
    assert guest.login(username="una@example.com", password="correct horse battery")
    assert guest.get(response["Location"]).status_code == 200
    assert "This link is invalid" in Client().get(path).content.decode()
    assert "Una Sample" in boss.get("/admin/ringotel_crm/agent/").content.decode()


def test_link_is_shown_if_no_mail_can_be_sent(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(colleagues, "send_mail", refuse)

    page = boss.post(PAGE, VALUES).content.decode()

    assert "No e-mail could be sent to una@example.com." in page
    assert choose_password(Client(), link(page), "correct horse battery").status_code == 302


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("first_name", "", "This field is required."),
        ("email", "una", "Enter a valid email address."),
        ("email", "BEN@example.com", "A user with this e-mail address exists."),
        ("extension", "200", "Another agent has this extension."),
        ("extension", "2" * 65, "at most 64 characters"),
        ("role", "Superuser", "Select a valid choice."),
    ],
)
def test_invalid_values_are_form_errors(boss: Client, field: str, value: str, error: str) -> None:
    make_user("ben", "200")

    page = boss.post(PAGE, {**VALUES, field: value}).content.decode()

    assert error in page
    assert 'value="Sample"' in page
    assert not User.objects.filter(email="una@example.com").exists()
    assert not mail.outbox


def test_administrator_gives_every_role(groups: None) -> None:
    admin = login_as("administrator", "admin")

    admin.post(PAGE, {**VALUES, "role": "Administrator"})

    assert Group.objects.get(name="Ringotel administrator").user_set.count() == 2


def test_no_role_with_more_permissions_is_given(groups: None) -> None:
    client = login_as("agent", "alex")
    assert client.get(PAGE).status_code == 403
    User.objects.get(username="alex").user_permissions.add(
        Permission.objects.get(codename="add_colleague")
    )

    page = client.post(PAGE, {**VALUES, "role": "Supervisor"}).content.decode()
    assert "Select a valid choice." in page
    client.post(PAGE, VALUES)

    assert Agent.objects.count() == 1


def test_invitation_is_sent_again_until_a_password_is_chosen(boss: Client) -> None:
    boss.post(PAGE, VALUES)
    agent = Agent.objects.get()
    action = {"action": "send_invitation", "_selected_action": agent.pk}

    page = boss.post("/admin/ringotel_crm/agent/", action).content.decode()
    choose_password(Client(), link(page), "correct horse battery")
    assert len(mail.outbox) == 2
    page = boss.post("/admin/ringotel_crm/agent/", action, follow=True).content.decode()

    assert "Select one colleague who has not logged in yet." in html.unescape(page)
    assert len(mail.outbox) == 2


def test_link_of_a_user_with_more_permissions_is_not_shown(groups: None) -> None:
    kim, owner = login_as("administrator", "kim"), make_user("owner", "201")
    owner.user_permissions.add(Permission.objects.get(codename="change_user"))
    action = {"action": "send_invitation", "_selected_action": owner.ringotel_agent.pk}

    page = kim.post("/admin/ringotel_crm/agent/", action, follow=True).content.decode()

    assert "invitation/" not in page
    assert mail.outbox == []
