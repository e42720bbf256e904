"""Attacks: cross-site scripting, forged hosts, and secrets in logs and error pages."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from ringotel_crm.auth import api_keys, basic
from ringotel_crm.auth.service_users import grant_api_permission, service_user
from ringotel_crm.hooks import viewsets
from ringotel_crm.hooks.urls import urlpatterns
from ringotel_crm.models import Activity, ApiKey, Recording, WebhookToken
from ringotel_crm.services.calls import lifecycle
from tests.api import HOOKS, Api, make_token
from tests.factories import make_user, number
from tests.media.audio_samples import sample

SCRIPT = "'\"><script>xss()</script>"
NUMBER = number(7)


@pytest.fixture
def send_event(db: None) -> Any:
    _row, token = WebhookToken.objects.issue(name="main", user=service_user("main"))

    def call(method: str, **params: Any) -> Any:
        body = json.dumps({"method": method, "api_token": token, "params": params})
        return Client().post("/ringotel/webhook/main/", body, content_type="application/json")

    return call


@pytest.fixture
def scripted(api: Api, send_event: Any) -> None:
    """Store a script in every text field that a caller, an agent or Ringotel can fill."""
    contact = api.id(
        "CreateContact",
        {
            **dict.fromkeys(("first_name", "last_name", "job_title"), SCRIPT),
            "email": "ada@example.com",
            "phone": f"{NUMBER} {SCRIPT}",
            "organization": {"name": SCRIPT},
        },
    )
    texts = dict.fromkeys(("call_id", "user_id", "user_email", "subject", "comment"), SCRIPT)
    call = {
        **texts,
        "extension": SCRIPT,
        "caller_number": NUMBER,
        "called_number": SCRIPT,
        "contact_id": contact,
    }
    api.ok("CreateActivity", call)
    api.ok(
        "CreateActivity",
        {**call, "call_id": f"{SCRIPT}2", "caller_number": SCRIPT, "contact_id": ""},
    )
    api.ok("StopCallActivity", {"call_id": SCRIPT, "call_cause": SCRIPT, "call_duration": 1})
    api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", "call_id=c1")
    for extension in (SCRIPT, "500"):
        send_event("StartCallActivity", **{**call, "call_id": f"{SCRIPT}3", "extension": extension})
    send_event(
        "message",
        messageid=SCRIPT,
        userid=SCRIPT,
        content=SCRIPT,
        type="1",
        **{"from": NUMBER, "to": SCRIPT},
    )
    send_event("message", messageid="m2", content=SCRIPT, type="1", **{"from": SCRIPT, "to": "500"})
    send_event(SCRIPT, **texts)
    User.objects.filter(username__startswith="ringotel-").update(
        first_name=SCRIPT, last_name=SCRIPT
    )
    assert Activity.objects.count() >= 3
    assert Recording.objects.exists()


def pages() -> Iterator[str]:
    """Yield the URL of every admin page of the app."""
    for model, model_admin in admin.site._registry.items():
        if not model._meta.app_label.startswith("ringotel"):
            continue
        ids = [str(pk) for pk in model._default_manager.values_list("pk", flat=True)[:5]]
        for pattern in model_admin.get_urls():
            if pattern.name:
                names = list(pattern.pattern.converters)
                for id in ids if names else [""]:
                    yield reverse(f"admin:{pattern.name}", args=[id] * len(names))
        changelist = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        yield f"{reverse(changelist)}?q=%3Cscript%3Exss()"


@pytest.mark.slow
@pytest.mark.usefixtures("scripted")
def test_stored_scripts_are_escaped_on_every_page() -> None:
    client = Client()
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    seen = shown = 0
    for url in [*pages(), *queries()]:
        response = client.get(url)
        assert response.status_code in (200, 302, 400, 403, 404, 405, 410), url
        text = b"".join(response) if response.streaming else response.content
        assert b"<script>xss" not in text, url
        seen += response.status_code == 200
        shown += b"&lt;script&gt;xss" in text
    assert seen > 40
    assert shown > 10  # the pages do show the stored texts


def queries() -> Iterator[str]:
    """Yield the URLs of pages, with a script in their query parameters."""
    text = "%27%22%3E%3Cscript%3Exss()%3C/script%3E"
    for name in ("caller", "number", "phone", "q", "name"):
        yield f"{reverse('ringotel_crm:call')}?{name}={text}"
        for pattern in get_resolver().reverse_dict:
            if isinstance(pattern, str) and pattern.startswith("ringotel"):
                yield f"{reverse(pattern)}?{name}={text}"
        for model_admin in admin.site._registry.values():
            for url in model_admin.get_urls():
                if "ringotel_crm" in (url.name or "") and not url.pattern.converters:
                    yield f"{reverse(f'admin:{url.name}')}?{name}={text}"


# --- hosts ---


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80@evil.example", "evil.example:80"],
)
def test_forged_host_is_rejected(api: Api, host: str) -> None:
    """Links are built from the Host header, which ALLOWED_HOSTS restricts."""
    api.ok("CreateContact", {"first_name": "Ada", "phone": NUMBER})
    response = api.client.get(HOOKS["FindContact"][1], {"phone": NUMBER}, headers={"Host": host})
    assert response.status_code == 400
    assert b"evil" not in response.content


# --- logs and error pages ---


def test_private_data_is_not_logged(
    api: Api, send_event: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """No API logs a number, key, token or password, at any level."""
    caplog.set_level(logging.DEBUG)
    token = make_token()
    api = Api(token)
    api.ok("CreateActivity", {"call_id": "c1", "caller_number": NUMBER})
    api.ok("CreateContact", {"first_name": "Ada", "phone": NUMBER})
    api.results("FindContact", {"phone": NUMBER})
    api.refused("UpdateContact", {"id": "999", "phone": NUMBER}, 404)
    api.refused("CreateActivity", {"caller_number": NUMBER})
    send_event("StartCallActivity", call_id="c2", caller_number=NUMBER, call_start=f"{NUMBER} soon")
    send_event("message", messageid=["a"], content=NUMBER)
    grant_api_permission(User.objects.create_user("agnes", password="correct horse"))
    for password in ("correct horse", "wrong horse"):
        encoded = base64.b64encode(f"agnes:{password}".encode()).decode()
        Client().get(HOOKS["Users"][1], headers={"Authorization": f"Basic {encoded}"})
        assert encoded not in caplog.text
    written = "\n".join(
        record.getMessage() for record in caplog.records if record.name != "django.db.backends"
    )
    assert written
    for private in (NUMBER[1:], token, "horse", WebhookToken.MARK):
        assert private not in written


@pytest.mark.parametrize("hook", ["FindContact", "CreateActivity"])
def test_unhandled_error_does_not_reveal_secrets(
    hook: str,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    db: None,
) -> None:
    """Neither the response nor the error report to the administrators contains the token."""
    token = make_token()
    settings.DEBUG = False

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(viewsets, "identify", fail)
    monkeypatch.setattr(lifecycle, "start_call", fail)
    client = Client(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {token}")
    method, path = HOOKS[hook]
    body = json.dumps({"call_id": "c1", "caller_number": NUMBER})
    response = client.generic(
        method, path, body, "application/json", QUERY_STRING=f"phone={NUMBER}"
    )
    assert response.status_code == 500
    for private in (b"unforeseen", token.encode(), NUMBER.encode(), b"Traceback"):
        assert private not in response.content
    record = next(record for record in caplog.records if record.exc_info)
    request = record.request  # type: ignore[attr-defined]
    assert record.exc_info
    reporter = ExceptionReporter(request, *record.exc_info)  # like AdminEmailHandler
    reports = reporter.get_traceback_text()
    assert "unforeseen" in reports
    assert token not in reports
    assert token not in reporter.get_traceback_html()


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_error_report_of_authentication_hides_the_secret(
    rf: RequestFactory, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(basic, "authenticate", None)
    monkeypatch.setattr(api_keys, "_VALID_KEYS", None)
    secret = base64.b64encode(b"agnes:correct horse").decode() if scheme == "Basic" else "rtk_horse"
    request = rf.get("/", headers={"Authorization": f"{scheme} {secret}"})
    authenticator: Any = (
        basic.BasicAuthentication() if scheme == "Basic" else api_keys.KeyAuthentication()
    )
    with pytest.raises((TypeError, AttributeError)) as caught:
        authenticator.authenticate(request)
    ours = caught.tb.tb_next  # skip the frame of this test
    html = ExceptionReporter(request, caught.type, caught.value, ours).get_traceback_html()
    assert "in authenticate" in html
    assert "horse" not in html
    assert secret not in html


# --- endpoints ---


def test_every_hook_requires_authentication(client: Client, db: None) -> None:
    """Every endpoint answers anonymous requests with 403 and a challenge."""
    for pattern in urlpatterns:
        url = f"/ringotel/{pattern.pattern}"
        view: Any = pattern.callback
        for method in list(view.actions):
            response = client.generic(method.upper(), url)
            assert response.status_code == 403
            assert response["WWW-Authenticate"]


@pytest.mark.parametrize(
    "path", ["/ringotel/call/", "/ringotel/recordings/1/", "/ringotel/recordings/1/waveform.svg"]
)
def test_anonymous_users_are_redirected_to_the_login(client: Client, db: None, path: str) -> None:
    """The redirect ignores the ``next`` parameter of the request."""
    response = client.get(f"{path}?next=//evil.example")
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/?next=/ringotel/")


def test_api_key_does_not_log_in_to_the_pages(db: None) -> None:
    token = make_token()
    client = Client(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/ringotel/recordings/1/").status_code == 302
    assert client.get("/admin/").status_code == 302
    assert ApiKey.objects.count() == 1
