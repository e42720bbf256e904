"""From a call to a contact, and back: earlier calls are linked, which can be undone."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, Conversation
from tests.admin.test_call_list import act, of
from tests.admin.test_concurrent_edits import form_values, open_form, save
from tests.factories import make_contact, make_organization
from tests.fixtures.admin import login_as, make_call

NUMBER = "+442079460001"
SAME = {"caller_number": NUMBER, "caller_e164": NUMBER}
CALLS = "/admin/ringotel_crm/activity/"


def create_from(client: Client, call: Activity, **values: str) -> Any:
    """Create a contact from a call, as the action of the list does, and return the next page."""
    url = act(client, "create_contact", call)["Location"]
    form = form_values(client.get(url).content.decode())
    return client.post(url, {**form, "first_name": "Ada", **values}, follow=True)


def undo(client: Client, html: str) -> str:
    """Press the button of the message, and return the next page."""
    form = re.search(r'<form class="ringotel-undo".*?</form>', html, re.S)
    assert form
    action = re.search(r'action="([^"]*)"', form[0])
    assert action
    response = client.post(action[1], form_values(form[0]), follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def linked() -> dict[str, str]:
    return dict(Activity.objects.values_list("call_id", "contact_name"))


def test_contact_created_from_a_call_gets_the_earlier_calls(boss: Client) -> None:
    call = make_call(1)
    make_call(2, **SAME)
    make_call(3, direction="outbound", called_e164=NUMBER, caller_e164="")
    make_call(4, direction="outbound", called_e164="+442079460900", **SAME)
    make_call(5, direction="internal", **SAME)
    make_call(6, contact_confirmed=True, **SAME)
    make_call(7, tenant="other", **SAME)
    make_call(8, **SAME | of(make_contact("Bea Notreal")))
    make_call(9, contact_name="Deleted Notreal", **SAME)
    make_call(10)
    Conversation.objects.create(remote_number_normalized=NUMBER, remote_number=NUMBER)
    Conversation.objects.create(
        remote_number_normalized=NUMBER, ringotel_user_id="u", tenant="other"
    )

    response = create_from(boss, call)

    html = response.content.decode()
    assert response.redirect_chain[-1][0] == f"{CALLS}{call.pk}/change/"
    assert "The call is assigned to Ada. 2 earlier calls linked. 1 conversation linked." in html
    ada = {f"call-{n}" for n in (1, 2, 3)}
    assert {id for id, name in linked().items() if name == "Ada"} == ada
    assert linked()["call-8"] == "Bea Notreal"
    assert Conversation.objects.get(tenant="").contact == Contact.objects.get(first_name="Ada")
    assert Activity.objects.get(call_id="call-2").contact_name_normalized == "ada"
    assert not Activity.objects.get(call_id="call-2").contact_confirmed

    after = undo(boss, html)

    assert "Undone: 3 calls are as before." in after
    assert "Ada" not in linked().values()
    assert not Activity.objects.filter(call_id="call-1", contact_confirmed=True).exists()
    assert not Conversation.objects.exclude(contact_id="").exists()


def test_undo_is_safe_when_repeated(boss: Client) -> None:
    call, other = make_call(1), make_call(2, **SAME)
    html = create_from(boss, call).content.decode()
    undo(boss, html)
    boss.post(f"{CALLS}assign/", {"id": other.pk, "contact": str(Contact.objects.get().pk)})

    assert "can no longer be undone" in undo(boss, html)
    assert linked() == {"call-1": "", "call-2": "Ada"}


def test_undo_leaves_calls_that_were_assigned_since(boss: Client) -> None:
    call, other = make_call(1), make_call(2, **SAME)
    html = create_from(boss, call).content.decode()
    boss.post(f"{CALLS}assign/", {"id": other.pk, "contact": str(Contact.objects.get().pk)})

    undo(boss, html)

    assert linked() == {"call-1": "", "call-2": "Ada"}


def test_undo_is_private_and_needs_a_post(boss: Client, groups: None) -> None:
    html = create_from(boss, make_call(1)).content.decode()

    assert "can no longer be undone" in undo(login_as("administrator", "una"), html)
    assert boss.get(f"{CALLS}undo-links/").status_code == 405
    assert boss.post(f"{CALLS}undo-links/", {}, follow=True).status_code == 200
    assert linked() == {"call-1": "Ada"}


def test_number_added_to_a_contact_gets_its_calls_once(boss: Client) -> None:
    ada = make_contact("Ada Example", "+442079460100")
    make_call(1)
    make_call(2, caller_e164="+442079460100")
    form = open_form(boss, ada)

    html = save(boss, ada, form, **{"phones-1-kind": "mobile", "phones-1-raw": NUMBER})

    assert "1 earlier call linked." in html
    assert linked() == {"call-1": "Ada Example", "call-2": ""}
    undo(boss, html)
    assert "linked" not in save(boss, ada, open_form(boss, ada), job_title="Buyer")
    assert linked()["call-1"] == ""


def test_shared_number_links_only_the_calls_of_its_usual_contact(boss: Client) -> None:
    make_contact("Ada Example", NUMBER)
    make_call(1)
    bea = make_contact("Bea Notreal")

    save(boss, bea, open_form(boss, bea), **{"phones-0-kind": "work", "phones-0-raw": NUMBER})

    assert linked() == {"call-1": ""}


def test_withheld_call_is_assigned_to_the_contact_created_from_it(boss: Client) -> None:
    call = make_call(1, caller_number="anonymous", caller_e164="")
    make_call(2, caller_number="anonymous", caller_e164="")

    create_from(boss, call, last_name="Example")

    assert linked() == {"call-1": "Ada Example", "call-2": ""}


@pytest.mark.parametrize("key", ["0", "x", "9" * 30, "٣"])
def test_unknown_call_in_the_url_is_ignored(boss: Client, key: str) -> None:
    url = f"/admin/ringotel_minicrm/contact/add/?ringotel_call={key}"
    form = form_values(boss.get(url).content.decode())

    assert boss.post(url, {**form, "first_name": "Ada"}).status_code == 302
    assert Contact.objects.get().first_name == "Ada"


def test_agent_cannot_assign_a_call_of_others_by_creating_a_contact(groups: None) -> None:
    una = login_as("agent", "una")
    call = make_call(1, agent_id="999", caller_number="anonymous", caller_e164="")
    url = f"/admin/ringotel_minicrm/contact/add/?ringotel_call={call.pk}"
    form = form_values(una.get(url).content.decode())

    una.post(url, {**form, "first_name": "Ada"})

    assert Contact.objects.exists()
    assert linked() == {"call-1": ""}


def assign(client: Client, call: Activity, contact: Contact | None, **choices: str) -> str:
    """Choose a contact on the page that assigns calls, and return the next page."""
    data = {"id": call.pk, "contact": str(contact.pk) if contact else "", **choices}
    response = client.post(f"{CALLS}assign/", data, follow=True)
    assert response.redirect_chain == [(f"{CALLS}{call.pk}/change/", 302)]
    return unescape(response.content.decode())


def numbers(contact: Contact) -> list[tuple[str, str]]:
    return list(contact.phones.values_list("kind", "e164"))


def test_wrong_contact_of_a_number_is_corrected_for_all_its_calls(boss: Client) -> None:
    ada = make_contact("Ada Example", NUMBER, kind="mobile")
    bea = make_contact("Bea Notreal")
    call = make_call(1, **of(ada))
    make_call(2, **SAME, **of(ada))
    make_call(3, contact_confirmed=True, **SAME, **of(ada))
    make_call(4, **of(ada))
    Activity.objects.filter(call_id="call-4").update(caller_e164="+442079460004")

    page = unescape(boss.get(f"{CALLS}assign/?id={call.pk}&q=bea").content.decode())
    html = assign(boss, call, bea, scope="number", number="move")

    assert "Also the other call of +44 20 7946 0001 that is assigned to Ada Example" in page
    assert "Move from Ada Example to the contact" in page
    assert "1 call assigned. Bea Notreal has the number now. 1 earlier call linked." in html
    assert [linked()[f"call-{n}"] for n in (1, 2, 3, 4)] == [
        *("Bea Notreal", "Bea Notreal", "Ada Example", "Ada Example")
    ]
    assert (numbers(ada), numbers(bea)) == ([], [("mobile", NUMBER)])

    undo(boss, html)

    assert set(linked().values()) == {"Ada Example"}
    assert (numbers(ada), numbers(bea)) == ([("mobile", NUMBER)], [])
    assert not Activity.objects.get(pk=call.pk).contact_confirmed


def test_number_is_added_to_the_contact_of_the_call(boss: Client) -> None:
    ada = make_contact("Ada Example", "+442079460100")
    call = make_call(1)
    make_call(2, **SAME)

    html = assign(boss, call, ada, number="add")

    assert linked() == {"call-1": "Ada Example", "call-2": ""}
    assert [number for _kind, number in numbers(ada)] == ["+442079460100", NUMBER]
    undo(boss, html)
    assert linked() == {"call-1": "", "call-2": ""}
    assert [number for _kind, number in numbers(ada)] == ["+442079460100"]


def test_number_of_both_contacts_is_not_lost_by_undo(boss: Client) -> None:
    ada, bea = make_contact("Ada Example", NUMBER), make_contact("Bea Notreal", NUMBER)
    call = make_call(1, **of(ada))

    html = assign(boss, call, bea, number="move")
    assert (numbers(ada), numbers(bea)) == ([], [("work", NUMBER)])
    undo(boss, html)

    assert (numbers(ada), numbers(bea)) == ([("work", NUMBER)], [("work", NUMBER)])


def test_this_call_only_is_the_default(boss: Client) -> None:
    ada, bea = make_contact("Ada Example", NUMBER), make_contact("Bea Notreal")
    call = make_call(1, **of(ada))
    make_call(2, **SAME, **of(ada))

    assign(boss, call, bea)

    assert linked() == {"call-1": "Bea Notreal", "call-2": "Ada Example"}
    assert numbers(ada) == [("work", NUMBER)]


def test_contact_is_removed_from_all_calls_of_a_number(boss: Client) -> None:
    ada = make_contact("Ada Example")
    call = make_call(1, **of(ada))
    make_call(2, **SAME, **of(ada))

    html = assign(boss, call, None, scope="number", number="add")
    assert linked() == {"call-1": "", "call-2": ""}
    ada.delete()
    undo(boss, html)

    assert linked() == {"call-1": "Ada Example", "call-2": "Ada Example"}
    assert not Activity.objects.exclude(contact_id="").exists()


def test_choices_show_company_and_number(boss: Client) -> None:
    make_contact("Ada Example", "+442079460100", organization=make_organization("Sample Ltd"))
    call = make_call(1)

    html = boss.get(f"{CALLS}assign/?id={call.pk}&q=ada").content.decode()

    assert "<bdi>Sample Ltd</bdi> · <bdi>+44 20 7946 0100</bdi>" in html


def test_agent_corrects_own_calls_only(groups: None) -> None:
    una = login_as("agent", "una")
    own = str(una.session["_auth_user_id"])
    ada, bea = make_contact("Ada Example"), make_contact("Bea Notreal")
    call = make_call(1, agent_id=own, **of(ada))
    make_call(2, agent_id="999", **SAME, **of(ada))
    make_call(3, agent_id=own, **SAME, **of(ada))

    assign(una, call, bea, scope="number")

    assert linked() == {"call-1": "Bea Notreal", "call-2": "Ada Example", "call-3": "Bea Notreal"}


@pytest.mark.parametrize("number", ["add", "move"])
def test_only_a_user_who_may_change_contacts_gives_them_a_number(number: str, groups: None) -> None:
    una = login_as("agent", "una")
    permission = Permission.objects.get(codename="change_contact")
    Group.objects.get(name="Ringotel agent").permissions.remove(permission)
    ada, bea = make_contact("Ada Example", NUMBER), make_contact("Bea Notreal")
    call = make_call(1, agent_id=str(una.session["_auth_user_id"]), **of(ada))

    page = una.get(f"{CALLS}assign/?id={call.pk}&q=bea").content.decode()
    assign(una, call, bea, number=number)

    assert 'name="number"' not in page
    assert linked() == {"call-1": "Bea Notreal"}
    assert (numbers(ada), numbers(bea)) == ([("work", NUMBER)], [])


def test_session_in_a_cookie_stays_small(boss: Client, settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    boss.force_login(User.objects.get(username="boss"))
    for n in range(500):
        make_call(n, **SAME)

    page = create_from(boss, Activity.objects.earliest("pk")).content.decode()
    cookie = boss.cookies["sessionid"].value

    assert "499 earlier calls linked. These are too many to undo at once." in page
    assert "ringotel-undo" not in page
    assert len(cookie) < 4096
    assert {*linked().values()} == {"Ada"}


def test_session_in_a_cookie_keeps_the_latest_links(boss: Client, settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    boss.force_login(User.objects.get(username="boss"))
    pages = []
    for n in range(10):
        call = make_call(n, caller_number=f"+44207946000{n}", caller_e164=f"+44207946000{n}")
        pages.append(create_from(boss, call, first_name=f"Ada {n}").content.decode())

    assert len(boss.cookies["sessionid"].value) < 4096
    assert "Undone: 1 call is as before." in undo(boss, pages[-1])
    assert "can no longer be undone" in undo(boss, pages[0])
