"""The warning before a form with unsaved changes is left."""

from __future__ import annotations

from typing import Any

import pytest

from ringotel_crm.models import Activity, Note
from tests.browser.conftest import Desk
from tests.browser.test_pages import CALLS, make_people, tenant
from tests.fixtures.admin import make_call


@pytest.fixture
def dialogs(desk: Desk) -> list[str]:
    """The types of the dialogs that are shown; each is dismissed, which stays on the page."""
    shown: list[str] = []

    def dismiss(dialog: Any) -> None:
        shown.append(dialog.type)
        dialog.dismiss()

    desk.page.on("dialog", dismiss)
    return shown


def leave(page: Any) -> None:
    page.click(".breadcrumbs a >> nth=0", no_wait_after=True)
    page.wait_for_timeout(500)


def test_typed_text_is_not_lost_when_leaving(desk: Desk, dialogs: list[str]) -> None:
    make_people()
    call = make_call(1, tenant=tenant())
    page = desk.open(f"{CALLS}{call.pk}/change/")

    page.fill("#id_comment", "Wants a copy")
    leave(page)
    assert dialogs == ["beforeunload"]
    assert page.input_value("#id_comment") == "Wants a copy"

    page.click("input[name=_continue]")
    page.wait_for_selector(".messagelist")
    assert Activity.objects.get().comment == "Wants a copy"
    leave(page)
    assert dialogs == ["beforeunload"]
    assert page.url.endswith("/admin/")


def test_note_and_fields_are_one_form(desk: Desk, dialogs: list[str]) -> None:
    person = make_people()[1]
    meta = person._meta
    page = desk.open(f"/admin/{meta.app_label}/{meta.model_name}/{person.pk}/change/")
    leave(page)
    assert page.url.endswith("/admin/")
    page.go_back()

    page.fill("#id_note-text", "Prefers e-mail")
    leave(page)
    assert dialogs == ["beforeunload"]

    page.fill("#id_email", "new@example.com")
    page.click("input[name=_save]")
    page.wait_for_selector(".messagelist")
    person.refresh_from_db()
    assert (person.email, Note.objects.get().text) == ("new@example.com", "Prefers e-mail")
    assert dialogs == ["beforeunload"]
