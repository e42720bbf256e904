"""The admin on sites of the host's own. The URLconf has two, and not Django's default site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.admin import MODEL_ADMINS, register
from ringotel_crm.admin.contacts import RingotelContactAdminMixin
from ringotel_crm.minicrm.models import Contact, Organization
from ringotel_crm.models import (
    Activity,
    Agent,
    ApiKey,
    CallSubject,
    Conversation,
    LegalHold,
    Message,
    Note,
    Recording,
    RingotelUser,
    Webhook,
    WebhookEvent,
)
from ringotel_crm.services.audit import log_action
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_organization, make_user
from tests.fixtures.admin import make_call

staff, office = admin.AdminSite("staff"), admin.AdminSite("office")
register(staff)
register(office)


class PersonAdmin(RingotelContactAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """A host's admin of the contacts."""

    search_fields = ("last_name",)


# A site that shows the contacts only.
people = admin.AdminSite("people")
people.register(Contact, PersonAdmin)

urlpatterns = [
    path("office/", office.urls),
    path("staff/", staff.urls),
    path("ringotel/", include("ringotel_crm.urls")),
]


class WithoutContacts:
    """A URLconf: contacts are on a site of their own, in front of the one with the calls."""

    desk = admin.AdminSite("desk")
    register(desk)
    desk.unregister([Contact, Organization])
    urlpatterns = [
        path("desk/", desk.urls),
        path("people/", people.urls),
        path("ringotel/", include("ringotel_crm.urls")),
    ]


pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

VIEW_SITE = "/"
LINK = re.compile(r"""(?:href|src|action|data-url)=["']([^"']*)["']""")


@pytest.fixture
def contacts() -> list[Contact]:
    """Two contacts with the same number, one with calls and a note; and a row of each model."""
    company = make_organization()
    ada, bob = (
        make_contact(name, "+442079460001", organization=company)
        for name in ("Ada Example", "Bob Notreal")
    )
    reference = {key: of(ada)[key] for key in ("contact_type", "contact_id")}
    kind = ContentType.objects.get_for_model(Contact)
    named = {**reference, "contact_name": "Ada Example"}
    call = make_call(1, start=timezone.now(), **of(ada))
    make_call(2, status="ringing", **of(ada))
    make_call(3)
    Note.objects.create(text="Call back", **named)
    una = make_user("una")
    Agent.objects.create(user=una, extension="101")
    ApiKey.objects.issue(name="key", user=una)
    CallSubject.objects.create(name="Invoice")
    LegalHold.objects.create(contact_type=kind, contact_id=str(ada.pk), reason="court case")
    RingotelUser.objects.create(ringotel_id="1", name="Una Example")
    Recording.objects.create(activity=call, content_type="audio/wav", size=1, sha256="0")
    webhook = Webhook.objects.create(name="calls", user=una)
    WebhookEvent.objects.create(webhook=webhook, method="call-start", body="{}")
    conversation = Conversation.objects.create(
        ringotel_user_id="1", remote_number_normalized="+442079460001", **named
    )
    Message.objects.create(
        conversation=conversation,
        message_id="1",
        at=timezone.now(),
        text="Hello",
    )
    log_action("listened", "recording", "7", user=None, tenant="")
    return [ada, bob]


def pages(client: Client, start: str) -> Iterator[tuple[str, str, list[str]]]:
    """Follow all links from ``start``. Yield path, HTML and links of each page of its site.

    Of the links with a query, those of pages without a query are followed.
    """
    seen, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        response = client.get(page)
        assert response.status_code in (200, 302, 405), (page, response.status_code)
        html = "" if response.streaming else response.content.decode(errors="replace")
        links = [urljoin(page, unescape(link)) for link in LINK.findall(html)]
        links += [urljoin(page, response["Location"])] if response.status_code == 302 else []
        yield page, html, links
        for link in links:
            url = urlsplit(link)
            followed = link.partition("#")[0]
            is_new = followed not in seen and "logout" not in followed
            if is_new and url.path.startswith(start) and not (url.query and "?" in page):
                seen.add(followed)
                waiting.append(followed)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["/staff/", "/office/"])
def test_every_link_of_each_page_stays_in_its_site(
    boss: Client, contacts: list[Contact], start: str
) -> None:
    allowed = (start, "/ringotel/", "/static/", "tel:", "mailto:", "https://", "data:")
    visited = set()
    for page, html, links in pages(boss, start):
        visited.add(page.partition("?")[0])
        others = [link for link in links if not link.startswith(allowed)]
        assert set(others) <= {VIEW_SITE}, page
        if "<html" in html:
            assert re.search(r"<title>\s*\S", html), page

    lists = [f"{start}{m._meta.app_label}/{m._meta.model_name}/" for m, _admin in MODEL_ADMINS]
    calls, contact = f"{start}ringotel_crm/activity/", f"{start}ringotel_minicrm/contact/"
    expected = {
        *lists,
        *(f"{calls}{name}/" for name in ("live", "overview", "assign", "caller-lookup")),
        *(f"{calls}{call.pk}/change/" for call in Activity.objects.all()),
        *(f"{contact}{name}/" for name in ("add", "duplicates", "merge", "import", "export")),
        *(f"{contact}{one.pk}/change/" for one in contacts),
        f"{start}ringotel_crm/apikey/connect/",
        f"{start}ringotel_minicrm/organization/{contacts[0].organization_id}/change/",
    }
    assert expected - visited == set()


def test_pages_that_are_loaded_by_a_script_link_to_their_own_site(
    boss: Client, contacts: list[Contact]
) -> None:
    for page in (
        "/staff/ringotel_crm/activity/live/calls/",
        "/staff/ringotel_minicrm/contact/duplicates/similar/?number=%2B442079460001",
    ):
        links = LINK.findall(boss.get(page).content.decode())
        assert links, page
        assert all(link.startswith("/staff/") for link in links), page


def test_get_writes_nothing(boss: Client, contacts: list[Contact]) -> None:
    for page in (
        "/staff/ringotel_crm/activity/",
        "/staff/ringotel_crm/legalhold/add/?q=Ada",
        f"/staff/ringotel_minicrm/contact/{contacts[0].pk}/change/",
        f"/staff/ringotel_minicrm/contact/merge/?target={contacts[0].pk}&source={contacts[1].pk}",
    ):
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(page).status_code == 200
        reads = ("SELECT", "DECLARE")  # PostgreSQL declares a cursor for many rows
        assert [q["sql"] for q in queries if not q["sql"].startswith(reads)] == [], page


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
        boss.get("/staff/ringotel_minicrm/contact/export/?bad=\0"),
    ]

    for response in responses:
        assert response["Location"].startswith("/staff/"), response["Location"]


@pytest.mark.parametrize(
    ("site", "start"), [("", "/staff/"), ("office", "/office/"), ("none", "/staff/")]
)
def test_pop_opens_the_site_that_django_prefers_or_that_of_the_setting(
    boss: Client, contacts: list[Contact], settings: Settings, site: str, start: str
) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "ADMIN_SITE": site}
    page = boss.get(reverse("ringotel_crm:pop"), {"caller": "+442079460001"}).content.decode()
    links = [link for link in LINK.findall(page) if link.startswith(("/office/", "/staff/"))]

    assert f"{start}ringotel_minicrm/contact/{contacts[0].pk}/change/" in links
    assert [link for link in links if not link.startswith(start)] == []
    new = boss.get(reverse("ringotel_crm:pop"), {"caller": "+442079460009"})
    assert new["Location"].startswith(f"{start}ringotel_minicrm/contact/add/")


@pytest.mark.urls(WithoutContacts())
def test_links_lead_to_the_site_that_shows_the_model(boss: Client, contacts: list[Contact]) -> None:
    contact = f"/people/ringotel_minicrm/contact/{contacts[0].pk}/change/"
    call = Activity.objects.get(call_id="call-1")
    calls = "/desk/ringotel_crm/activity/"

    for page in (
        calls,
        f"{calls}{call.pk}/change/",
        f"{calls}live/",
        f"{calls}caller-lookup/?number=%2B442079460001",
        "/desk/ringotel_crm/note/",
        "/desk/ringotel_crm/legalhold/",
        f"/desk/ringotel_crm/conversation/{Conversation.objects.get().pk}/change/",
        reverse("ringotel_crm:pop") + "?caller=%2B442079460001",
    ):
        assert f'"{contact}"' in boss.get(page).content.decode(), page
    assert f'"{calls}{call.pk}/change/"' in boss.get(contact).content.decode()


def test_register_keeps_admin_classes_of_the_host() -> None:
    class HostActivityAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
        """An admin class of the host."""

    own_site = admin.AdminSite("own")
    own_site.register(Activity, HostActivityAdmin)

    register(own_site)

    assert type(own_site.get_model_admin(Activity)) is HostActivityAdmin
    assert own_site.is_registered(Note)
    assert own_site.is_registered(Contact)


def test_register_adds_base_classes_also_afterwards() -> None:
    class Base(admin.ModelAdmin):  # type: ignore[type-arg]
        """The base class of a theme."""

    own_site = admin.AdminSite("own")
    register(own_site)

    register(own_site, Base)

    assert isinstance(own_site.get_model_admin(Activity), Base)
    assert isinstance(own_site.get_model_admin(Contact), Base)
