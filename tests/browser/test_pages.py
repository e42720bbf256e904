"""Every page, light and dark, wide and narrow, empty and with many rows."""

from __future__ import annotations

import io
import json
import math
import struct
import wave
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.utils import timezone

from ringotel_crm.internal import request_log
from ringotel_crm.models import Activity, FollowUp, Recording
from tests.browser.conftest import AXE_RULES, Desk
from tests.fixtures.admin import make_call

CALLS = "/admin/ringotel_crm/activity/"
PAGES = [
    *(CALLS, f"{CALLS}?q=unmatched", f"{CALLS}live/", f"{CALLS}overview/", f"{CALLS}assign/?id=1"),
    *("/admin/", f"{CALLS}desk/", "/admin/ringotel_crm/callback/", "/admin/ringotel_crm/followup/"),
    *(
        "/admin/ringotel_crm/apikey/connect/",
        "/admin/ringotel_crm/apikey/",
        "/admin/ringotel_crm/note/",
    ),
    *(
        f"{CALLS}caller-lookup/",
        f"{CALLS}caller-lookup/?number=%2B442079460001",
    ),
    *(
        "/admin/ringotel_crm/apikey/add/",
        "/admin/ringotel_crm/auditentry/",
        "/admin/ringotel_crm/recording/",
    ),
    *(
        "/admin/ringotel_crm/conversation/",
        "/admin/ringotel_crm/agent/",
        "/admin/ringotel_crm/webhookevent/",
    ),
    *("/ringotel/pop/?caller=anonymous", "/ringotel/pop/?caller=%2B442079460001"),
]
MINICRM_PAGES = [
    *("/admin/ringotel_minicrm/contact/", "/admin/ringotel_minicrm/contact/add/"),
    *("/admin/ringotel_minicrm/contact/import/", "/admin/ringotel_minicrm/contact/export/"),
    *("/admin/ringotel_minicrm/contact/duplicates/", "/admin/ringotel_minicrm/organization/"),
]
SCREENS = [
    {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
]
# The texts of buttons with more lines than words: a word is broken.
BROKEN_BUTTONS = """
[...document.querySelectorAll("#content :is(button, .button)")].filter((button) => {
    const range = document.createRange();
    range.selectNodeContents(button);
    const lines = new Set([...range.getClientRects()].map((rect) => Math.round(rect.top)));
    return lines.size > Math.max(1, button.innerText.trim().split(/\\s+/).length);
}).map((button) => button.innerText)
"""
has_minicrm = apps.is_installed("ringotel_crm.minicrm")


def make_people() -> list[Any]:
    """Create two contacts that share a number, one with a right-to-left name."""
    if has_minicrm:
        from tests.factories import make_contact, make_organization

        company = make_organization("Sample Ltd", phone="+442079460900")
        return [
            make_contact(name, "+442079460001", organization=company)
            for name in ("נועה דוגמה", "Ada Example")
        ]
    from demo_project.hostcrm.models import Branch, Person, Staff

    branch = Branch.objects.create(code="north")
    from django.contrib.auth.models import User

    Staff.objects.create(user=User.objects.get(username="boss"), branch=branch)
    people = [("נועה", "דוגמה"), ("Ada", "Example")]
    return [
        Person.objects.create(
            branch=branch, given_name=first, surname=last, office_phone="+442079460001"
        )
        for first, last in people
    ]


def tenant() -> str:
    return "" if has_minicrm else "north"


def tone(seconds: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        samples = (int(8000 * math.sin(n / 5)) for n in range(8000 * seconds))
        writer.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def recorded(n: int = 1, **fields: Any) -> Recording:
    content = tone()
    recording = Recording(
        activity=make_call(n, tenant=tenant(), **fields), content_type="audio/wav", seconds=1
    )
    recording.size, recording.sha256 = len(content), f"{n:064}"
    recording.file.save("x.wav", ContentFile(content), save=False)
    recording.save()
    return recording


def fill(people: list[Any]) -> None:
    """Create calls, recordings, requests and a note."""
    person = people[0]
    kind = ContentType.objects.get_for_model(person)
    now = timezone.now()
    contact = {"contact_type": kind, "contact_id": str(person.pk), "contact_name": str(person)}
    for n in range(1, 61):
        fields = contact if n % 2 else {}
        make_call(
            n,
            tenant=tenant(),
            status=["answered", "missed", "ringing"][n % 3],
            start=now,
            end=now,
            agent_id="7",
            agent_name="Una Sample",
            subject="Invoice",
            comment="Wants a copy of the invoice, and to be called back",
            **fields,
        )
    for n in range(3):
        request_log.record(
            "hooks", "UpdateCallRecording", 200 + 100 * n, 12, number="353•••00", code="forbidden"
        )
        recorded(100 + n, contact_name="Ada Example", contact_id="deleted")
    FollowUp.objects.create(
        tenant=tenant(),
        contact_type=kind,
        contact_id=str(person.pk),
        contact_name=str(person),
        text="Call back",
        due=now,
    )


def pages_of(people: list[Any]) -> list[str]:
    """Return the pages of existing objects."""
    meta = people[0]._meta
    change = f"/admin/{meta.app_label}/{meta.model_name}/{{}}/change/"
    found = [change.format(person.pk) for person in people] + [
        f"{CALLS}{call.pk}/change/" for call in Activity.objects.all()[:1]
    ]
    if has_minicrm:
        found.append(f"/admin/ringotel_minicrm/organization/{people[0].organization_id}/change/")
        found.append(
            f"/admin/ringotel_minicrm/contact/merge/?target={people[0].pk}&source={people[1].pk}"
        )
    return found


def faults_of(desk: Desk, path: str, axe: str) -> list[str]:
    """Return overflow, broken words and accessibility problems of the page."""
    page = desk.open(path)
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    faults = [f"{path}: {wider} px wider than the screen"] if wider > 0 else []
    faults += [f"{path}: the button {text!r} is broken" for text in page.evaluate(BROKEN_BUTTONS)]
    if axe:
        page.evaluate(axe)
        found = page.evaluate(f"axe.run('#content', {json.dumps(AXE_RULES)})")
        faults += [
            f"{path}: {rule['id']}: {rule['nodes'][0]['html'][:200]}"
            for rule in found["violations"]
            if rule["impact"] in ("serious", "critical")
        ]
    return faults


@pytest.mark.parametrize("screen", SCREENS, ids=["light-wide", "dark-narrow"])
@pytest.mark.parametrize("how_many", ["none", "many"])
def test_pages_are_accessible_and_fit_the_screen(
    desks: Callable[..., Desk], axe: str, screen: dict[str, Any], how_many: str, settings: Any
) -> None:
    # The demo's index of the admin has the desk.
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": ["demo_project/templates"]}]
    paths = PAGES + (MINICRM_PAGES if has_minicrm else [])
    if how_many == "many":
        people = make_people()
        fill(people)
        paths = paths + pages_of(people)
    desk = desks(**screen)
    faults = [fault for path in paths for fault in faults_of(desk, path, axe)]
    assert not faults, "\n".join(faults)


def test_pages_comply_with_strict_csp(desk: Desk) -> None:
    def add_policy(route: Any) -> None:
        if route.request.resource_type != "document":
            route.continue_()
            return
        response = route.fetch()
        headers = {**response.headers, "content-security-policy": "default-src 'self'"}
        route.fulfill(response=response, headers=headers)

    people = make_people()
    fill(people)
    desk.page.route("**/*", add_policy)

    for path in PAGES + (MINICRM_PAGES if has_minicrm else []) + pages_of(people):
        desk.open(path)


def test_pages_are_shown_in_german(desks: Callable[..., Desk], settings: Any) -> None:
    settings.LANGUAGE_CODE = "de"
    people = make_people()
    fill(people)
    desk = desks(locale="de-DE")

    assert "verpasst" in desk.open(CALLS).content()
    for path in pages_of(people):
        desk.open(path)
