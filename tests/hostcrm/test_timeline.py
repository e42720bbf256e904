"""Calls in the pages of a host."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.template import Context, Template
from django.test import Client
from pytest_django import Settings

from demo_project.hostcrm.models import Branch, Company, Lead, Person, Staff
from ringotel_crm.models import Activity
from ringotel_crm.services.calls.timeline import activities_for, move_calls
from tests.api import Api
from tests.media.audio_samples import sample


@pytest.fixture
def ada(north: Branch) -> Person:
    return Person.objects.create(
        branch=north, given_name="Ada", surname="<Example>", office_phone="020 915 0100"
    )


def call(api: Api, call_id: str, number: str = "020 915 0100", **data: Any) -> Activity:
    start = {
        "call_id": call_id,
        "caller_number": number,
        "activity_type": "inbound",
        "call_start": 1772452800,
        **data,
    }
    return Activity.objects.get(pk=api.id("CreateActivity", start))


def colleague(*permissions: str, branch: str = "north") -> Client:
    user = User.objects.create_user("una")
    Staff.objects.create(user=user, branch=Branch.objects.get(code=branch))
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_calls_of_person_are_listed(api: Api, ada: Person) -> None:
    first, second = call(api, "c1"), call(api, "c2", call_start=1772452900)
    call(api, "c3", "020 915 0999")
    assert list(activities_for(ada)) == [second, first]
    assert list(ada.calls.all()) == [second, first]
    assert [len(person.calls.all()) for person in Person.objects.prefetch_related("calls")] == [2]


def test_call_loses_the_name_of_a_deleted_contact(api: Api, ada: Person) -> None:
    call(api, "c1")
    Person.with_deleted.all().delete()
    assert Activity.objects.get().contact_name == ""


def test_same_id_in_other_table_is_not_matched(api: Api, north: Branch) -> None:
    lead = Lead.objects.create(branch=north, full_name="Lee Invented", telephone="020 915 0300")
    call(api, "c1", "020 915 0300")
    company = Company.objects.create(pk=lead.pk, branch=north, name="Sample Ltd")
    assert [activities_for(row).count() for row in (lead, company)] == [1, 0]


def test_page_shows_timeline(api: Api, ada: Person) -> None:
    id = call(api, "c1", subject="<b>Bread</b>").pk
    api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={id}")
    page = colleague("view_recording").get(f"/people/{ada.pk}/").content.decode()
    assert 'href="tel:+353209150100"' in page
    assert "&lt;b&gt;Bread&lt;/b&gt;" in page
    assert "<b>Bread" not in page
    assert "<audio" in page


@pytest.mark.parametrize("permissions", [(), ("view_activity",)])
def test_user_without_permission_sees_no_player(
    api: Api, ada: Person, permissions: tuple[str, ...]
) -> None:
    id = call(api, "c1", subject="Bread").pk
    api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={id}")
    page = colleague(*permissions).get(f"/people/{ada.pk}/").content.decode()
    assert "Bread" in page
    assert "<audio" not in page


def test_contact_without_calls_shows_message(ada: Person) -> None:
    assert "No calls yet." in colleague().get(f"/people/{ada.pk}/").content.decode()


@pytest.mark.parametrize("number", ["020 915 0100", "+353209150100", "tel:+353-20-915-0100"])
def test_number_is_rendered_as_link(number: str) -> None:
    link = Template("{% load ringotel %}{% ringotel_call number %}").render(
        Context({"number": number})
    )
    assert 'href="tel:+353209150100"' in link
    assert ">+353 20 915 0100<" in link


@pytest.mark.parametrize(
    ("text", "shown"),
    [('<a href="x">', "&lt;a href=&quot;x&quot;&gt;"), ("500", "500"), ("", ""), (None, "")],
)
def test_other_text_is_rendered_as_text(text: str | None, shown: str) -> None:
    assert (
        Template("{% load ringotel %}{% ringotel_call text %}").render(Context({"text": text}))
        == shown
    )


def test_link_uses_click_to_call_url(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {
        **settings.RINGOTEL_CRM,
        "CLICK_TO_CALL_URL": "https://phone.example.com/?to={number}&a=1",
    }
    link = Template('{% load ringotel %}{% ringotel_call "020 915 0100" "Call" %}').render(
        Context()
    )
    assert 'href="https://phone.example.com/?to=+353209150100&amp;a=1"' in link
    assert ">Call<" in link


def test_call_of_deleted_contact_is_detached(api: Api, north: Branch) -> None:
    lead = Lead.objects.create(branch=north, full_name="Lee Invented", telephone="020 915 0300")
    pk = call(api, "c1", "020 915 0300").pk
    Lead.objects.all().delete()
    left = Activity.objects.get(pk=pk)
    assert (left.contact, left.contact_type, left.contact_id, left.contact_name) == (
        None,
        None,
        "",
        "",
    )
    again = Lead.objects.create(pk=lead.pk, branch=north, full_name="Lou Sample")
    assert not activities_for(again).exists()


def test_soft_deleted_contact_keeps_calls(api: Api, ada: Person) -> None:
    call(api, "c1")
    ada.delete()
    assert api.results("FindContact", {"phone": "020 915 0100"}) == []
    assert [activity.contact for activity in activities_for(ada)] == [ada]


def test_calls_are_moved_to_other_contact(api: Api, ada: Person) -> None:
    lead = Lead.objects.create(branch=ada.branch, full_name="Ada Example", telephone="020 915 0300")
    call(api, "c1", "020 915 0300")
    assert move_calls(lead, ada) == 1
    lead.delete()
    assert [activity.contact_name for activity in activities_for(ada)] == ["Ada Example"]
