"""The audit trail and the recordings in the admin."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ringotel_crm.admin.base import BACKEND_ATTRIBUTE
from ringotel_crm.models import Activity, AuditEntry, Recording
from ringotel_crm.services.audit import log_action
from tests.factories import make_contact, make_user, number
from tests.fixtures.admin import make_call
from tests.fixtures.recordings import browser, permit, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> Client:
    return browser(make_user("root", is_superuser=True, is_staff=True))


def make_entry() -> AuditEntry:
    return log_action("listened", "recording", "7", user=None, tenant="")


def test_entries_are_read_only_in_the_admin(root: Client) -> None:
    entry = make_entry()
    pages = "admin:ringotel_crm_auditentry_"
    assert root.get(reverse(f"{pages}changelist")).status_code == 200
    page = root.get(reverse(f"{pages}change", args=[entry.pk]))
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert (
        root.post(reverse(f"{pages}change", args=[entry.pk]), {"action": "deleted"}).status_code
        == 403
    )
    assert root.get(reverse(f"{pages}add")).status_code == 403
    assert root.post(reverse(f"{pages}delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    root.post(reverse(f"{pages}changelist"), action)
    entry.refresh_from_db()
    assert entry.action == "listened"


def test_entries_are_written_once() -> None:
    entry = make_entry()
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


def test_an_entry_outlives_its_user(root: Client) -> None:
    vera = make_user("vera")
    log_action("listened", "recording", "7", user=vera, tenant="")
    vera.delete()
    assert AuditEntry.objects.get().user_name == "vera"


def test_audio_is_deleted_and_row_is_kept(recording_id: int, root: Client) -> None:
    page = reverse("admin:ringotel_crm_recording_changelist")
    action = {"action": "delete_audio", "_selected_action": [recording_id]}
    Activity.objects.update(legal_hold=True)
    html = root.post(page, action, follow=True).content.decode()
    assert "Kept because of a legal hold: 1" in html
    assert len(stored()) == 1
    Activity.objects.update(legal_hold=False)
    assert "Recordings deleted: 1" in root.post(page, action, follow=True).content.decode()
    assert stored() == []
    assert Recording.objects.get().deleted_at
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.user_name, entry.details) == (
        "deleted",
        "root",
        {"reason": "staff"},
    )
    assert (
        root.post(
            reverse("admin:ringotel_crm_recording_delete", args=[recording_id]), {"post": "yes"}
        ).status_code
        == 403
    )


def test_failing_storage_is_reported(
    recording_id: int, root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, name: str) -> None:
        raise OSError

    page = reverse("admin:ringotel_crm_recording_changelist")
    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.delete", fail)
    answer = root.post(
        page, {"action": "delete_audio", "_selected_action": [recording_id]}, follow=True
    )
    assert "Storage error, try again later: 1" in answer.content.decode()


def staff(*codenames: str) -> Client:
    user: User = make_user("stan", is_staff=True)
    return browser(permit(user, *codenames))


def test_deletion_requires_permission(recording_id: int) -> None:
    client = staff("view_recording", "change_recording")
    client.post(
        reverse("admin:ringotel_crm_recording_changelist"),
        {"action": "delete_audio", "_selected_action": [recording_id]},
    )
    assert len(stored()) == 1


def test_call_with_recording_is_not_deleted(recording_id: int, root: Client) -> None:
    call = Activity.objects.get()
    root.post(reverse("admin:ringotel_crm_activity_delete", args=[call.pk]), {"post": "yes"})
    assert Activity.objects.exists()


def test_page_has_waveform(recording_id: int, root: Client) -> None:
    page = reverse("admin:ringotel_crm_recording_change", args=[recording_id])
    assert (
        f'src="/ringotel/recordings/{recording_id}/waveform.svg"' in root.get(page).content.decode()
    )


@pytest.mark.parametrize(("codenames", "held"), [(["change_legalhold"], True), ([], False)])
def test_legal_hold_requires_permission(
    recording_id: int, codenames: list[str], held: bool
) -> None:
    call = Activity.objects.get()
    client = staff("view_activity", "change_activity", *codenames)
    page = reverse("admin:ringotel_crm_activity_change", args=[call.pk])
    legs = {"legs-TOTAL_FORMS": 0, "legs-INITIAL_FORMS": 0}
    legs |= {"follow_ups-TOTAL_FORMS": 0, "follow_ups-INITIAL_FORMS": 0}
    client.post(page, {"subject": "s", "comment": "", "legal_hold": "on", **legs})
    call.refresh_from_db()
    assert (call.subject, call.legal_hold) == ("s", held)


def test_list_names_the_user_the_call_and_the_person(root: Client) -> None:
    una = make_user("una", first_name="Una", last_name="Sample")
    ada = make_contact("Ada Example", number(1))

    def pages() -> tuple[str, int]:
        with CaptureQueriesContext(connection) as queries:
            page = root.get(reverse("admin:ringotel_crm_auditentry_changelist")).content.decode()
        return page, len(queries)

    def log(n: int) -> None:
        call = make_call(n, contact_name=f"Ben Notreal {n}")
        recording = Recording.objects.create(activity=call, content_type="audio/wav", size=1)
        log_action("listened", "recording", str(recording.pk), user=una, tenant="")
        log_action("exported", "person", str(ada.pk), user=una, tenant="")

    log(1)
    pages()  # fills the cache of content types
    page, queries = pages()
    log(2)
    log(3)
    assert pages()[1] == queries
    assert "Una Sample" in page
    assert "Recording of the call with Ben Notreal 1</a>" in page
    assert f'/admin/ringotel_minicrm/contact/{ada.pk}/change/" dir="auto">Ada Example</a>' in page


def test_entries_of_other_tenants_are_hidden(rf: RequestFactory) -> None:
    log_action("exported", "calls", "", user=None, tenant="north")
    log_action("exported", "calls", "", user=None, tenant="south")
    request = rf.get("/")
    setattr(request, BACKEND_ATTRIBUTE, SimpleNamespace(tenant="north"))

    entries = admin.site.get_model_admin(AuditEntry).get_queryset(request)

    assert [entry.tenant for entry in entries] == ["north"]


def test_exports_of_calls_and_contacts_are_logged(root: Client) -> None:
    make_contact("Ada Example", number(1))
    call = make_call(1)

    data = {"action": "export", "_selected_action": call.pk}
    root.post(reverse("admin:ringotel_crm_activity_changelist"), data)
    fields = {"resource": "0", "format": "0", "ringotel_fields": "on"}
    root.post(reverse("admin:ringotel_minicrm_contact_export"), fields)

    entries = AuditEntry.objects.order_by("pk").values_list("action", "kind", "details")
    assert list(entries) == [
        ("exported", "calls", {"calls": 1}),
        ("exported", "contacts", {"contacts": 1}),
    ]


def test_facts_about_the_file_are_read_only(recording_id: int, root: Client) -> None:
    before = Recording.objects.get()
    url = reverse("admin:ringotel_crm_recording_change", args=[before.pk])
    assert before.sha256 in root.get(url).content.decode()

    root.post(url, {"size": "1", "seconds": "1", "content_type": "text/html", "codec": "x"})

    after = Recording.objects.get()
    assert (after.size, after.seconds, after.content_type, after.codec) == (
        before.size,
        before.seconds,
        before.content_type,
        before.codec,
    )
