"""The admin of every model, and edits of a call that the phone updates at the same time."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization
from ringotel_crm.models import Activity, Agent, ApiKey, Callback, PhoneIndex, Recording
from tests.api import HOOKS, Api
from tests.factories import (
    at,
    make_contact,
    make_organization,
    make_user,
    number,
    set_times,
    the_call,
)

pytestmark = pytest.mark.slow

MODELS = [
    model
    for model in apps.get_models()
    if model._meta.app_label in ("ringotel_crm", "ringotel_minicrm")
    and admin.site.is_registered(model)
]


def a_call(n: int) -> Activity:
    ada = make_contact(f"Ada {n}", number(n))
    return Activity.objects.create(
        call_id=f"c{n}",
        direction="inbound",
        status="answered",
        caller_number=number(n),
        caller_e164=number(n),
        contact_type=ContentType.objects.get_for_model(Contact),
        contact_id=str(ada.pk),
        contact_name=f"Ada {n}",
        start=at(12, n),
        end=at(13, n),
        duration=3000 + n,
        subject="Leak",
    )


MAKERS: dict[type[Model], Callable[[int], Model]] = {
    Activity: a_call,
    Agent: lambda n: Agent.objects.create(user=make_user(f"user{n}"), extension=str(2000 + n)),
    ApiKey: lambda n: ApiKey.objects.issue(name=f"key {n}", user=make_user(f"user{n}"))[0],
    Contact: lambda n: make_contact(
        f"Ada {n}", number(n), number(n + 100), organization=make_organization(f"S {n}")
    ),
    Organization: lambda n: make_organization(f"Sample {n}", phone=number(n)),
    PhoneIndex: lambda n: PhoneIndex.objects.create(
        e164=number(n), content_type=ContentType.objects.get_for_model(Contact), object_id=str(n)
    ),
    Recording: lambda n: Recording.objects.create(
        activity=a_call(n), file=f"{n}.wav", size=1, sha256="x", seconds=2.5
    ),
}


def url_of(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("query", ["", "?q=ada", f"?q={number(1)[1:]}"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_list_is_shown_with_any_search(
    admin_client: Client, model: type[Model], query: str
) -> None:
    assert admin_client.get(url_of(model, "changelist") + query).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_empty_list_explains_how_rows_are_created(admin_client: Client, model: type[Model]) -> None:
    html = admin_client.get(url_of(model, "changelist")).content.decode()

    [text] = re.findall(r'<div class="ringotel-empty">(.*?)</div>', html, re.DOTALL)
    assert text.count("<p") == 2  # the state, and how to change it


@pytest.mark.parametrize(
    "model", [model for model in MODELS if model is not Callback], ids=lambda model: model.__name__
)
def test_add_page_is_shown_or_forbidden(admin_client: Client, rf: Any, model: type[Model]) -> None:
    assert admin_client.get(url_of(model, "add")).status_code in (200, 403)


def test_every_model_is_registered() -> None:
    assert set(MODELS) >= MAKERS.keys()


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_query_count_is_independent_of_rows(admin_client: Client, model: type[Model]) -> None:
    rows = [MAKERS[model](1)]
    changelist = url_of(model, "changelist")
    for url in (changelist, url_of(model, "change", rows[0].pk)):
        admin_client.get(url)  # fills the caches
    one = (
        queries_of(admin_client, changelist),
        queries_of(admin_client, url_of(model, "change", rows[0].pk)),
    )
    rows += [MAKERS[model](n) for n in range(2, 51)]
    many = (
        queries_of(admin_client, changelist),
        queries_of(admin_client, url_of(model, "change", rows[-1].pk)),
    )
    assert many == one
    # Session, user, rows and related rows.
    assert many[0] <= 10


def test_numbers_are_formatted_for_display(admin_client: Client) -> None:
    make_contact("Ada Example", "00442079460001")
    assert "+44 20 7946 0001" in admin_client.get(url_of(Contact, "changelist")).content.decode()


# --- keys ---


def test_key_is_shown_once_and_authenticates(admin_client: Client, client: Client) -> None:
    una = make_user("una")
    una.user_permissions.add(*una.user_permissions.model.objects.filter(codename="use_api"))
    response = admin_client.post(
        url_of(ApiKey, "add"), {"name": "desk", "user": una.pk}, follow=True
    )
    key = ApiKey.objects.get()
    [token] = re.findall(r"rtk_[\w-]{43}", response.content.decode())
    assert (key.name, key.user, key.hint) == ("desk", una, token[:8])
    for page in (url_of(ApiKey, "changelist"), url_of(ApiKey, "change", key.pk)):
        assert token not in admin_client.get(page).content.decode()

    def status() -> int:
        return int(
            client.get(
                HOOKS["FindContact"][1], headers={"Authorization": f"Bearer {token}"}
            ).status_code
        )

    assert status() == 200
    admin_client.post(
        url_of(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [key.pk]}
    )
    assert status() == 403


def test_key_change_keeps_its_secret(admin_client: Client) -> None:
    key, token = ApiKey.objects.issue(name="desk", user=make_user("una"))
    ben = make_user("ben")
    response = admin_client.post(
        url_of(ApiKey, "change", key.pk), {"user": ben.pk, "name": "other"}, follow=True
    )
    assert "rtk_" not in response.content.decode().replace(token[:8], "")
    key.refresh_from_db()
    assert (key.name, key.user, key.digest) == ("desk", ben, ApiKey.digest_of(token))


def test_key_name_must_be_unique(admin_client: Client) -> None:
    key, _token = ApiKey.objects.issue(name="desk", user=make_user("una"))
    response = admin_client.post(url_of(ApiKey, "add"), {"name": "desk", "user": key.user.pk})
    assert response.status_code == 200
    assert ApiKey.objects.get().digest == key.digest


@pytest.mark.parametrize(
    ("model", "form"),
    [("callsubject", {"name": "Sales"}), ("agent", {"extension": "2001", "user": ""})],
)
def test_duplicate_within_tenant_is_a_form_error(
    admin_client: Client, model: str, form: dict[str, str]
) -> None:
    """The tenant is part of the constraint, but not a field of the form."""
    answers = []
    for username in ("una", "ulf"):
        if "user" in form:
            form["user"] = str(make_user(username).pk)
        answers.append(admin_client.post(f"/admin/ringotel_crm/{model}/add/", form))

    assert [answer.status_code for answer in answers] == [302, 200]
    assert "already exists" in answers[1].content.decode()


# --- calls: staff and the phone write to the same row ---


class Form(HTMLParser):
    """Parses the values that a browser submits if the form on a page is saved unchanged."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.open = ""  # name of the current textarea or select
        [form] = re.findall(r'<form[^>]*id="\w+_form".*?</form>', page, re.DOTALL)
        self.feed(form)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag in ("textarea", "select"):
            self.open = name
            self.values[name] = ""
        elif tag == "option" and "selected" in given:
            self.values[self.open] = value
        elif tag == "input" and given["type"] not in ("submit", "button", "file", "checkbox"):
            self.values[name] = value
        elif tag == "input" and "checked" in given:
            self.values[name] = value or "on"

    def handle_data(self, data: str) -> None:
        if self.open and self.lasttag == "textarea":
            self.values[self.open] += data.removeprefix("\n").removeprefix("\r\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "select"):
            self.open = ""


def form_of(client: Client, url: str) -> dict[str, str]:
    response = client.get(url)
    assert response.status_code == 200
    return Form(response.content.decode()).values


@pytest.fixture
def page(api: Api) -> str:
    """The page of a call with a subject received from the phone."""
    id = api.id(
        "CreateActivity", {"call_id": "c1", "caller_number": number(1), "subject": "By phone"}
    )
    return url_of(Activity, "change", id)


def save(client: Client, url: str, form: dict[str, str], **edits: str) -> None:
    # Browsers submit line breaks as CRLF.
    response = client.post(
        url, {name: re.sub("\r?\n", "\r\n", text) for name, text in {**form, **edits}.items()}
    )
    assert response.status_code == 302, response.context["errors"]


def test_phone_does_not_overwrite_manual_edits(api: Api, admin_client: Client, page: str) -> None:
    api.ok("UpdateActivity", {"call_id": "c1", "subject": "By phone again", "comment": "By phone"})
    assert (the_call().subject, the_call().comment) == ("By phone again", "By phone")
    save(admin_client, page, form_of(admin_client, page), subject="By hand")
    for subject in ("By phone again", "By phone a third time"):
        api.ok(
            "UpdateActivity",
            {"call_id": "c1", "subject": subject, "comment": f"Comment: {subject}"},
        )
        assert (the_call().subject, the_call().comment) == ("By hand", f"Comment: {subject}")
    api.ok("CreateActivity", {"call_id": "c1", "subject": "By phone", "comment": "Late"})
    assert the_call().subject == "By hand"


def test_phone_does_not_refill_cleared_field(api: Api, admin_client: Client, page: str) -> None:
    save(admin_client, page, form_of(admin_client, page), subject="")
    api.ok("UpdateActivity", {"call_id": "c1", "subject": "By phone again"})
    assert the_call().subject == ""


def test_phone_does_not_overwrite_comment_entered_first(
    api: Api, admin_client: Client, page: str
) -> None:
    save(admin_client, page, form_of(admin_client, page), comment="By hand")
    api.ok("UpdateActivity", {"call_id": "c1", "comment": "By phone"})
    assert the_call().comment == "By hand"


def test_unchanged_form_does_not_block_phone_updates(
    api: Api, admin_client: Client, page: str
) -> None:
    api.ok("UpdateActivity", {"call_id": "c1", "comment": "Two\nlines."})
    save(admin_client, page, form_of(admin_client, page))
    assert the_call().comment == "Two\nlines."
    api.ok(
        "UpdateActivity",
        {"call_id": "c1", "subject": "By phone again", "comment": "Three\nmore\nlines."},
    )
    assert (the_call().subject, the_call().comment) == ("By phone again", "Three\nmore\nlines.")


def test_open_form_does_not_undo_call_end(api: Api, admin_client: Client, page: str) -> None:
    form = form_of(admin_client, page)
    api.ok(
        "StopCallActivity",
        {"call_id": "c1", "call_end": 1772452830, "call_duration": 27, "call_cause": "0"},
    )
    save(admin_client, page, form, subject="By hand")
    call = the_call()
    assert (call.status, call.end, call.duration, call.cause) == (
        "answered",
        at(12, 0, 30),
        27,
        "0",
    )
    assert call.subject == "By hand"


def test_open_form_does_not_undo_phone_updates(api: Api, admin_client: Client, page: str) -> None:
    form = form_of(admin_client, page)
    api.ok("UpdateActivity", {"call_id": "c1", "comment": "By phone"})
    save(admin_client, page, form, subject="By hand")
    assert (the_call().subject, the_call().comment) == ("By hand", "By phone")


# --- contacts ---


def test_edited_contact_is_found_by_new_number(api: Api, admin_client: Client) -> None:
    ada = make_contact("Ada Example", number(1), number(2))
    set_times(ada, updated_at=at(8))
    url = url_of(Contact, "change", ada.pk)
    first, second = ada.phones.order_by("pk")
    edits = {
        "phones-0-raw": "0044 20 7946 0003",
        "phones-0-kind": "mobile",
        "phones-1-DELETE": "on",
    }
    form = form_of(admin_client, url)
    assert [form["phones-0-id"], form["phones-1-id"]] == [str(first.pk), str(second.pk)]
    save(admin_client, url, {**form, "phones-1-kind": "work"}, **edits)
    assert list(ContactPhone.objects.values_list("kind", "e164")) == [("mobile", number(3))]
    assert [len(api.results("FindContact", {"phone": number(n)})) for n in (1, 2, 3)] == [0, 0, 1]
    assert (
        len(api.results("Contacts", {"updated_since": at(9).isoformat().replace("+00:00", "Z")}))
        == 1
    )
