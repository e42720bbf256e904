"""The admin on a site of the host's own, alongside the default site."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from django.utils import timezone

from ringotel_crm.admin import MODEL_ADMINS, register
from ringotel_crm.minicrm.admin import ContactAdmin, OrganizationAdmin
from ringotel_crm.minicrm.models import Contact, Organization
from ringotel_crm.models import Activity, Note
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_organization
from tests.fixtures.admin import make_call

site = admin.AdminSite("staff")
register(site)
site.register(Contact, ContactAdmin)
site.register(Organization, OrganizationAdmin)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("staff/", site.urls),
    path("ringotel/", include("ringotel_crm.urls")),
]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def contacts() -> list[Contact]:
    """Two contacts with the same number, one with calls and a note."""
    company = make_organization()
    ada, bob = (
        make_contact(name, "+442079460001", organization=company)
        for name in ("Ada Example", "Bob Notreal")
    )
    make_call(1, start=timezone.now(), **of(ada))
    make_call(2, status="ringing", **of(ada))
    make_call(3)
    Note.objects.create(text="Call back", contact_name="Ada Example", **of_reference(ada))
    return [ada, bob]


def of_reference(contact: Contact) -> dict[str, Any]:
    return {key: of(contact)[key] for key in ("contact_type", "contact_id")}


def pages(contacts: list[Contact]) -> list[str]:
    models = [model for model, _admin in MODEL_ADMINS] + [Contact, Organization]
    lists = [f"/staff/{m._meta.app_label}/{m._meta.model_name}/" for m in models]
    calls, contact = "/staff/ringotel_crm/activity/", "/staff/ringotel_minicrm/contact/"
    ids = [contact.pk for contact in contacts]
    return [
        *lists,
        *(f"{calls}{call.pk}/change/" for call in Activity.objects.all()),
        *(f"{calls}{page}/" for page in ("live", "live/calls", "overview", "caller-lookup")),
        f"{calls}caller-lookup/?number=%2B442079460001",
        f"{calls}assign/?id={Activity.objects.latest('pk').pk}&q=Ada",
        "/staff/ringotel_crm/apikey/connect/",
        f"{contact}add/",
        f"{contact}{ids[0]}/change/",
        f"{contact}duplicates/",
        f"{contact}duplicates/similar/?number=%2B442079460001",
        f"{contact}merge/?target={ids[0]}&source={ids[1]}",
        f"/staff/ringotel_minicrm/organization/{contacts[0].organization_id}/change/",
    ]


def test_pages_link_to_their_own_site_and_get_writes_nothing(
    boss: Client, contacts: list[Contact]
) -> None:
    for page in pages(contacts):
        with CaptureQueriesContext(connection) as queries:
            response = boss.get(page)
        html = response.content.decode()
        assert response.status_code == 200, page
        assert re.findall(r'(?:href|action|data-url)="(/admin/[^"]*)"', html) == [], page
        assert [q["sql"] for q in queries if not q["sql"].startswith("SELECT")] == [], page


def test_actions_redirect_to_their_own_site(boss: Client, contacts: list[Contact]) -> None:
    calls = "/staff/ringotel_crm/activity/"
    call = Activity.objects.get(call_id="call-3")
    selected = {"_selected_action": [call.pk]}

    responses = [
        boss.post(calls, {"action": "assign", **selected}),
        boss.post(calls, {"action": "create_contact", **selected}),
        boss.post(f"{calls}assign/", {"id": call.pk, "contact": contacts[0].pk}),
        boss.post(
            f"/staff/ringotel_minicrm/contact/{contacts[0].pk}/ringotel-note/",
            {"note-text": "Send the offer"},
        ),
        boss.post(
            "/staff/ringotel_minicrm/contact/merge/",
            {"target": contacts[0].pk, "source": contacts[1].pk},
        ),
    ]

    for response in responses:
        assert response["Location"].startswith("/staff/"), response["Location"]


def test_pop_leads_to_the_default_site(boss: Client, contacts: list[Contact]) -> None:
    assert 'href="/admin/' in boss.get(reverse("ringotel_crm:pop")).content.decode()


def test_register_keeps_admin_classes_of_the_host() -> None:
    class HostActivityAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
        """An admin class of the host."""

    own_site = admin.AdminSite("own")
    own_site.register(Activity, HostActivityAdmin)

    register(own_site)

    assert type(own_site.get_model_admin(Activity)) is HostActivityAdmin
    assert own_site.is_registered(Note)
