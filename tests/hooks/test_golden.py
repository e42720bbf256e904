"""Pinned requests, responses and documents. See tests/golden/__init__.py."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.contrib.auth.models import User

from ringotel_crm.hooks.document import Auth, build
from ringotel_crm.minicrm.models import Contact, Organization, PhoneKind
from ringotel_crm.models import Activity, Agent, Recording
from ringotel_crm.simulator.document import HOOKS as SIMULATED_HOOKS
from ringotel_crm.simulator.document import read_document
from tests import golden
from tests.api import HOOKS, Api
from tests.factories import at
from tests.media.audio_samples import sample

AUTHS: list[Auth] = ["bearer", "basic", "oauth2"]


@pytest.fixture
def rows(api: Api) -> None:
    """Rows with the same ids on every database."""
    for pk, username, first_name, extension in (
        (101, "una", "Una", "2001"),
        (102, "ben", "Ben", ""),
    ):
        User.objects.create(
            pk=pk,
            username=username,
            first_name=first_name,
            last_name="Sample",
            email=f"{username}@example.com",
        )
        if extension:
            Agent.objects.create(user_id=pk, extension=extension, phone="020 910 0100")
    Organization.objects.create(
        pk=201,
        name="Örtlich & Söhne",
        phone="020 910 0000",
        email="desk@example.com",
        website="https://example.com",
    )
    Contact.objects.create(
        pk=301,
        first_name="Ada",
        last_name="Example",
        email="ada@example.com",
        job_title="Baker",
        organization_id=201,
    )
    Contact.objects.get(pk=301).phones.create(kind=PhoneKind.WORK, raw="+44 20 7946 0001")
    Contact.objects.get(pk=301).phones.create(kind=PhoneKind.MOBILE, raw="083 913 4567")
    Contact.objects.create(pk=302, last_name="Žižek 📞")
    Activity.objects.create(pk=401, call_id="1729693708182-2d1c3de3d3772cdc1f", start=at(12))


def call(api: Api, hook: str) -> Any:
    request = golden.load(f"{hook}.in")
    if "recording" in request:
        assert base64.b64decode(request["recording"]) == sample("gsm.wav")
    return api.ok(hook, request)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "CreateContact"])
def test_response_is_pinned(api: Api, hook: str) -> None:
    if hook == "UpdateCallRecording":
        Recording.objects.create(
            pk=501, activity_id=401, file="before.wav", size=1, sha256="before"
        )
    golden.check(f"{hook}.out", call(api, hook))


@pytest.mark.usefixtures("rows")
def test_response_to_a_new_contact_is_pinned(api: Api) -> None:
    response = call(api, "CreateContact")
    id = str(Contact.objects.exclude(pk__in=(301, 302)).get().pk)
    assert response["id"] == id
    golden.check(
        "CreateContact.out",
        {**response, "id": "303", "url": response["url"].replace(f"/{id}/", "/303/")},
    )


@pytest.mark.usefixtures("rows")
def test_pinned_requests_are_stored(api: Api) -> None:
    for hook in ("CreateActivity", "UpdateActivity", "AssignActivity", "StopCallActivity"):
        call(api, hook)
    activity = Activity.objects.get()
    assert (activity.direction, activity.status, activity.caller_e164, activity.agent_name) == (
        "inbound",
        "answered",
        "+442079460001",
        "Una Sample",
    )
    assert (activity.start, activity.end, activity.duration, activity.cause) == (
        at(12),
        at(12, 0, 30),
        27,
        "0",
    )
    assert (activity.contact_id, activity.contact_name) == ("302", "Žižek 📞")
    assert (activity.subject, activity.comment) == (
        "Leak",
        "Calls back at 15:00.\nAsk for the meter — “urgent”.",
    )


@pytest.mark.django_db
@pytest.mark.parametrize("auth", AUTHS)
def test_document_is_pinned(auth: Auth) -> None:
    golden.check(f"document_{auth}", build(auth, "https://crm.example.com"))


@pytest.mark.parametrize("auth", AUTHS)
def test_document_can_be_read_by_the_simulator(auth: Auth) -> None:
    document = read_document(golden.load(f"document_{auth}"))
    assert document.hooks.keys() == SIMULATED_HOOKS.keys()


@pytest.mark.parametrize("auth", AUTHS)
def test_document_has_the_path_of_each_hook(auth: Auth) -> None:
    described = golden.load(f"document_{auth}")["API"]
    for hook, (method, path) in HOOKS.items():
        assert described[hook]["request_method"] == method
        assert described[hook]["request_path"].partition("?")[0] == path
        assert (
            described[hook]["request_url"]
            == f"https://crm.example.com{described[hook]['request_path']}"
        )
