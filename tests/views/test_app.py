"""The page that the Ringotel app shows as a tab."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.checks import run_checks
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.models import Activity, CallLeg, CallSubject, FollowUp, RingotelUser
from ringotel_crm.testing import RingotelServer
from tests.factories import make_contact, make_organization, make_user, number

URL = "/ringotel/app/"
ORIGIN = "https://app.ringotel.co"
CALL_ID = "1741433034849-7e62032ad71abeeeac"
QUERY = {
    "userid": "$userid$",
    "domain": "newcompany123",
    "number": "500",
    "username": "una",
    "email": "$email$",
    "mobile": "",
}


@pytest.fixture
def una(db: None) -> User:
    user = make_user("una", "500", password="secret")
    for codename in ("view_own_activity", "change_activity", "add_followup", "change_followup"):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    return user


@pytest.fixture
def tab(client: Client, una: User) -> Client:
    client.force_login(una)
    return client


def make_call(user: User | None = None, n: int = 1, **fields: Any) -> Activity:
    defaults: dict[str, Any] = {
        "call_id": f"c{Activity.objects.count()}",
        "direction": "inbound",
        "status": "ringing",
        "caller_number": number(n),
        "caller_e164": number(n),
        "start": timezone.now(),
        "extension": "500",
    }
    if user:
        defaults |= {"agent_id": str(user.pk), "agent_name": user.username}
    return Activity.objects.create(**{**defaults, **fields})


def page(client: Client, **query: str) -> str:
    response = client.get(URL, {**QUERY, **query})
    assert response.status_code == 200
    return response.content.decode()


class TestFrame:
    def headers(self, client: Client, url: str = URL) -> tuple[str, str | None]:
        response = client.get(url)
        return response["Content-Security-Policy"], response.get("X-Frame-Options")

    @pytest.mark.parametrize("url", [URL, f"{URL}current/", f"{URL}login/"])
    def test_page_is_framed_by_the_configured_origins_only(
        self, client: Client, una: User, settings: Settings, url: str
    ) -> None:
        settings.RINGOTEL_CRM = {"FRAME_ANCESTORS": [ORIGIN]}

        assert self.headers(client, url) == (f"frame-ancestors 'self' {ORIGIN}", None)
        client.force_login(una)
        assert self.headers(client, url)[0] == f"frame-ancestors 'self' {ORIGIN}"

    def test_page_is_not_framed_by_default(self, tab: Client) -> None:
        assert self.headers(tab) == ("frame-ancestors 'self'", "DENY")

    def test_other_pages_are_not_framed(self, tab: Client, settings: Settings) -> None:
        settings.RINGOTEL_CRM = {"FRAME_ANCESTORS": [ORIGIN]}

        assert tab.get("/ringotel/call/")["X-Frame-Options"] == "DENY"

    @pytest.mark.parametrize(
        "origins",
        [["app.ringotel.co"], ["https://a.example; script-src *"], ["https://a.example/x"]],
    )
    def test_value_that_is_not_an_origin_is_reported_by_a_check(
        self, settings: Settings, origins: list[str]
    ) -> None:
        settings.RINGOTEL_CRM = {"FRAME_ANCESTORS": origins}

        assert "ringotel_crm.E003" in [message.id for message in run_checks()]

    @pytest.mark.parametrize(("value", "is_reported"), [("Lax", True), ("None", False)])
    def test_cookies_that_a_frame_does_not_get_are_reported_by_a_check(
        self, settings: Settings, db: None, value: str, is_reported: bool
    ) -> None:
        settings.RINGOTEL_CRM = {"FRAME_ANCESTORS": [ORIGIN]}
        settings.SESSION_COOKIE_SAMESITE = settings.CSRF_COOKIE_SAMESITE = value
        messages = run_checks(include_deployment_checks=True)

        assert ("ringotel_crm.W040" in [message.id for message in messages]) is is_reported


class TestLogin:
    def test_user_signs_in_inside_the_tab(self, client: Client, una: User) -> None:
        response = client.get(URL, QUERY)
        assert response.status_code == 302
        login = response["Location"]
        assert login.startswith("/ringotel/app/login/?next=/ringotel/app/")

        next_url = client.get(login).context["next"]
        data = {"username": "una", "password": "secret", "next": next_url}
        response = client.post(login, data)
        assert (response.status_code, response["Location"]) == (302, next_url)
        assert "None of your calls is live" in client.get(next_url).content.decode()

    def test_user_without_permission_sees_no_calls(self, client: Client, db: None) -> None:
        client.force_login(make_user("guest"))

        response = client.get(URL)
        assert response.status_code == 403
        assert "permission “Can view own calls”" in response.content.decode()
        assert client.get(f"{URL}current/").status_code == 403

    def test_app_of_another_user_is_pointed_out(self, tab: Client) -> None:
        kim = make_user("kim", "501")
        RingotelUser.objects.create(ringotel_id="2", agent_id=str(kim.pk), confirmed=True)

        assert "signed in as" not in page(tab)
        for query in (
            {"number": "501"},
            {"number": "", "email": "kim@example.com"},
            {"userid": "2"},
        ):
            assert "signed in as kim, this page as una" in page(tab, **query)

    def test_app_of_another_organization_is_pointed_out(
        self, tab: Client, settings: Settings
    ) -> None:
        settings.RINGOTEL_CRM = {"ORGANIZATION_DOMAIN": "NewCompany123"}

        assert "another organization" not in page(tab)
        assert "another organization" in page(tab, domain="other")

    def test_placeholders_that_were_not_replaced_are_ignored(self, tab: Client) -> None:
        html = tab.get(URL, {name: f"${name}$" for name in QUERY}).content.decode()

        assert "signed in as" not in html
        assert "another organization" not in html


class TestCurrentCall:
    def test_card_shows_the_caller_and_earlier_calls(self, tab: Client, una: User) -> None:
        company = make_organization("Sample Ltd")
        ada = make_contact("Ada Example", number(1), organization=company, job_title="Buyer")
        make_call(
            una, status="answered", subject="Offer", start=timezone.now() - dt.timedelta(days=2)
        )
        make_call(None, agent_id="99", subject="Of a colleague", status="answered")
        make_call(una)
        html = page(tab)

        assert f"/admin/ringotel_minicrm/contact/{ada.pk}/change/" in html
        for words in ("Ada Example", "Buyer", "Sample Ltd", "live", "Offer", "+44 20 7946 0001"):
            assert words in html, words
        assert "Of a colleague" not in html

    def test_call_that_rings_on_several_phones_is_shown(self, tab: Client, una: User) -> None:
        call = make_call(None, extension="")
        for agent_id, extension in ((str(una.pk), "500"), ("99", "501")):
            CallLeg.objects.create(activity=call, extension=extension, agent_id=agent_id)

        assert "+44 20 7946 0001" in page(tab)

    def test_call_of_a_colleague_is_not_shown(self, tab: Client, una: User) -> None:
        make_call(make_user("kim", "501"), extension="501")

        assert "None of your calls is live" in page(tab)

    def test_last_call_stays_for_an_hour(self, tab: Client, una: User) -> None:
        call = make_call(una, status="answered")
        assert "Last call" in page(tab)

        Activity.objects.filter(pk=call.pk).update(start=timezone.now() - dt.timedelta(hours=2))
        assert "None of your calls is live" in page(tab)

    def test_unknown_caller_can_become_a_contact(self, tab: Client, una: User) -> None:
        for codename in ("add_contact", "view_contact"):
            una.user_permissions.add(Permission.objects.get(codename=codename))
        User.objects.filter(pk=una.pk).update(is_staff=True)
        make_call(una)

        assert "/admin/ringotel_minicrm/contact/add/?" in page(tab)

    def test_several_contacts_with_the_number_are_listed(self, tab: Client, una: User) -> None:
        for name in ("Ada Example", "Bo Example"):
            make_contact(name, number(1))
        make_call(una)
        html = page(tab)

        assert "Several contacts have this number" in html
        assert "Ada Example" in html
        assert "Bo Example" in html

    def test_part_that_follows_the_calls_is_sent_only_after_a_change(
        self, tab: Client, una: User
    ) -> None:
        url = f"{URL}current/"
        etag = tab.get(url)["ETag"]
        assert tab.get(url, headers={"If-None-Match": etag}).status_code == 304

        make_call(una)
        response = tab.get(url, headers={"If-None-Match": etag})
        assert response.status_code == 200
        assert "+44 20 7946 0001" in response.content.decode()


class TestNotes:
    def post(self, client: Client, call: Activity, **data: str) -> int:
        initial = {"initial-subject": call.subject, "initial-comment": call.comment}
        values = {"call": str(call.pk), "subject": call.subject, "comment": call.comment}
        response = client.post(f"{URL}?number=500", {**values, **initial, **data})
        return response.status_code

    def test_notes_are_saved_with_the_call(self, tab: Client, una: User) -> None:
        CallSubject.objects.create(name="Sales")
        call = make_call(una)
        assert '<option value="Sales">' in page(tab)
        notes = {"subject": "Sales", "comment": "Wants an offer.", "follow_up_on": "2030-01-02"}
        assert self.post(tab, call, **notes) == 302

        call.refresh_from_db()
        assert (call.subject, call.comment) == ("Sales", "Wants an offer.")
        follow_up = call.follow_ups.get()
        assert (follow_up.text, follow_up.assignee) == ("Wants an offer.", una)
        assert follow_up.due == dt.date(2030, 1, 2)

    def test_saving_notes_does_not_undo_what_happened_to_the_call_meanwhile(
        self, tab: Client, una: User
    ) -> None:
        call = make_call(una)
        fields = {"status": "answered", "duration": 27, "subject": "From the phone"}
        Activity.objects.filter(pk=call.pk).update(**fields)
        self.post(tab, call, comment="Wants an offer.")

        call.refresh_from_db()
        assert (call.status, call.subject, call.comment) == (
            "answered",
            "From the phone",
            "Wants an offer.",
        )

    def test_comment_that_others_have_changed_meanwhile_is_kept(
        self, tab: Client, una: User
    ) -> None:
        call = make_call(una, comment="Offer")
        Activity.objects.filter(pk=call.pk).update(comment="Urgent: Offer")
        self.post(tab, call, comment="Offer sent")

        call.refresh_from_db()
        assert call.comment == "Urgent: Offer sent"

    def test_invalid_notes_are_refused(self, tab: Client, una: User) -> None:
        call = make_call(una)

        assert self.post(tab, call, subject="x" * 300) == 400
        call.refresh_from_db()
        assert call.subject == ""

    @pytest.mark.parametrize("key", ["0", "x", "9" * 30, "٣", ""])
    def test_unknown_call_is_not_found(self, tab: Client, key: str) -> None:
        assert tab.post(URL, {"call": key, "comment": "x"}).status_code == 404

    def test_call_of_a_colleague_cannot_be_changed(self, tab: Client) -> None:
        call = make_call(make_user("kim", "501"), extension="501")

        assert self.post(tab, call, comment="x") == 404
        assert Activity.objects.get().comment == ""

    def test_user_who_may_not_change_calls_sees_no_form(self, tab: Client, una: User) -> None:
        una.user_permissions.remove(Permission.objects.get(codename="change_activity"))
        call = make_call(una)

        assert 'id="notes-form"' not in page(tab)
        assert self.post(tab, call, comment="x") == 404

    def test_form_needs_a_csrf_token(self, una: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(una)

        assert self.post(client, make_call(una), comment="x") == 403

    @pytest.mark.django_db(transaction=True)
    def test_notes_are_sent_to_ringotel(self, tab: Client, una: User, settings: Settings) -> None:
        call = make_call(una, call_id=CALL_ID)
        with RingotelServer() as ringotel:
            settings.RINGOTEL_CRM = ringotel.settings(PUSH_CALL_NOTES=True)
            self.post(tab, call, comment="Wants an offer.")
            ringotel.refusals["updateActivity"] = "Unknown id"
            call.refresh_from_db()
            assert self.post(tab, call, comment="Has the offer.") == 302

        comments = [p["comment"] for method, p in ringotel.requests if method == "updateActivity"]
        assert comments == ["Wants an offer.", "Has the offer."]
        assert Activity.objects.get().comment == "Has the offer."


class TestFollowUps:
    def test_own_follow_ups_are_listed_until_they_are_done(self, tab: Client, una: User) -> None:
        call = make_call(una, n=2)
        ada = make_contact("Ada Example")
        today, kim = timezone.localdate(), make_user("kim")
        for assignee, due, text in (
            (una, today, "Due today"),
            (una, today + dt.timedelta(days=1), "Due tomorrow"),
            (kim, today, "Of a colleague"),
        ):
            FollowUp.objects.create(
                contact=ada, contact_id=str(ada.pk), assignee=assignee, due=due, text=text
            )
        on_call = FollowUp.objects.create(activity=call, assignee=una, text="Call back")
        html = page(tab)

        assert "Due today" in html
        assert "Call back" in html
        assert "Due tomorrow" not in html
        assert "Of a colleague" not in html

        assert tab.post(URL, {"follow_up": str(on_call.pk)}).status_code == 302
        assert "Call back" not in page(tab)
        on_call.refresh_from_db()
        assert on_call.done_by == una

    @pytest.mark.parametrize("key", ["0", "x", "9" * 30, ""])
    def test_unknown_follow_up_is_ignored(self, tab: Client, key: str) -> None:
        assert tab.post(URL, {"follow_up": key}).status_code == 302
