"""Connecting a Ringotel account: a credential, the document, and a check of both. For the command and for the page."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.http.request import validate_host
from django.utils import timezone
from django.utils.translation import gettext as _

from .auth import service
from .exceptions import Invalid
from .framework.document import Auth, build
from .models import Activity, ApiKey
from .simulator.auth import AuthError, credential_for
from .simulator.document import HOOKS, Document, DocumentError, read_document
from .simulator.engine import Answer, Client, Style
from .simulator.play import GaveUp, Player

TIMEOUT = 5  # seconds for each answer
MAX_NAME = 100
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The document for Ringotel, and the values to type into its portal, by their labels there."""

    document: dict[str, Any]
    properties: dict[str, str] = field(repr=False)


def clean_base_url(text: str) -> str:
    """Where this site is, without a slash at the end. Raises ``Invalid``."""
    try:
        url = urlsplit(text)
        good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # half an IPv6 address, a port beyond 65535
        good = False
    if not good or url.query or url.fragment or url.username:
        raise Invalid(_("%(url)r is not like https://crm.example.com") % {"url": text})
    return text.rstrip("/")


def is_out_of_reach(base_url: str) -> bool:
    """Whether Ringotel, which calls HTTPS only, could not use this address."""
    url = urlsplit(base_url)
    return url.scheme == "http" and url.hostname not in LOCAL


def credential(auth: Auth, *, name: str, redirect_uri: str = "", user: Any = None, scope: str = "") -> dict[str, str]:
    """A new credential called ``name``, or new values for the one there is. Raises ``Invalid``.

    Without ``user`` it acts as a service user that may do just this; Basic always does.
    """
    if not 0 < len(name) <= MAX_NAME:
        raise Invalid(_("A name of at most %(max)d characters is expected.") % {"max": MAX_NAME})
    if auth == "basic":
        user = service.service_user(name)
        return {"Username": user.get_username(), "Password": service.set_service_password(user)}
    if auth == "oauth2":
        if not apps.is_installed("oauth2_provider"):
            raise Invalid(_('OAuth2 needs "oauth2_provider" in INSTALLED_APPS.'))
        if not redirect_uri:
            raise Invalid(_("OAuth2 needs a redirect URI; Ringotel tells you which."))
        from .auth.oauth import make_application

        client_id, client_secret = make_application(name=name, redirect_uri=redirect_uri, user=user)
        return {"Client ID": client_id, "Client Secret": client_secret}
    _key, token = ApiKey.objects.issue(name=name, user=user or service.service_user(name), scope=scope)
    return {"API key": token}


def connect(auth: Auth, *, base_url: str, name: str, redirect_uri: str = "") -> Connection:
    """Make both. Raises ``Invalid``."""
    base_url = clean_base_url(base_url)
    with transaction.atomic():
        properties = credential(auth, name=name, redirect_uri=redirect_uri)
        return Connection(document=build(auth, base_url), properties=properties)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one request of the check gave. ``text`` says in words what was expected and came, or what to do."""

    hook: str
    ok: bool
    status: int
    milliseconds: float
    text: str


def check(connection: Connection, *, user: Any = None) -> list[Verdict]:
    """Call each hook over HTTP, as Ringotel would, and tell what came back. For OAuth2, ``user`` is who approves it.

    Nothing stays: the call that is played is removed, and what would write into the CRM's own tables is asked with
    nothing in it, and has to be refused. Raises ``Invalid`` if there is nothing to play with.
    """
    try:
        document = read_document(connection.document)
        for url in (*(hook.url for hook in document.hooks.values()), document.oauth2.get("token_endpoint", "")):
            # Staff who may connect Ringotel may not send this server anywhere else.
            if url and not validate_host(urlsplit(url).hostname or "", settings.ALLOWED_HOSTS or list(LOCAL)):
                raise Invalid(
                    _("The address of this site is not among its ALLOWED_HOSTS, so it cannot be tried from here.")
                )
        with _approval(document, connection, user) as grant:
            auth = credential_for(document, connection.properties, timeout=TIMEOUT, **grant)
            return _verdicts(Client(document, auth, connection.properties, timeout=TIMEOUT))
    except (DocumentError, AuthError) as exc:
        raise Invalid(str(exc)) from exc


@contextmanager
def _approval(document: Document, connection: Connection, user: Any) -> Iterator[dict[str, str]]:
    """What is needed beside the properties: for OAuth2, an authorization code."""
    if not document.oauth2 or user is None:
        yield {}
        return
    from .auth.oauth import approved

    with approved(connection.properties.get("Client ID", ""), user) as (code, redirect_uri):
        yield {"code": code, "redirect_uri": redirect_uri}


def _verdicts(client: Client) -> list[Verdict]:
    verdicts: list[Verdict] = []
    player = Player(
        client,
        on_event=lambda event: verdicts.append(
            Verdict(
                hook=event.hook,
                ok=not event.problems,
                status=event.status,
                milliseconds=event.milliseconds,
                text="; ".join(event.problems) or _as_expected(event.hook),
            )
        ),
    )
    try:
        player.set_up()
    except GaveUp as exc:
        verdicts.append(Verdict(hook="", ok=False, status=0, milliseconds=0, text=str(exc)))
        return verdicts
    call_id = f"connection-check-{secrets.token_hex(8)}"
    try:
        verdicts.extend(_play(client, call_id))
    finally:
        Activity.objects.filter(call_id=call_id).delete()
    return verdicts


def _play(client: Client, call_id: str) -> Iterator[Verdict]:
    now = int(timezone.now().timestamp() * 1000)
    call = {"call_id": call_id, "activity_type": "internal", "caller_number": "100", "called_number": "101"}
    steps: list[tuple[str, dict[str, str], bool]] = [
        ("FindContact", {"phone": "anonymous"}, True),
        ("CreateActivity", {**call, "call_start": str(now)}, True),
        ("AssignActivity", {"call_id": call_id}, True),
        ("UpdateActivity", {"call_id": call_id, "subject": _("Connection check")}, True),
        (
            "StopCallActivity",
            {"call_id": call_id, "call_end": str(now), "call_duration": "0", "call_cause": "16"},
            True,
        ),
        ("UpdateCallRecording", {"call_id": call_id}, False),
        ("CreateContact", {}, False),
        ("UpdateContact", {}, False),
    ]
    for name, values, is_welcome in steps:
        if hook := client.document.hooks.get(name):
            yield _judge(name, client.call(hook, values, Style()), is_welcome)


def _judge(hook: str, answer: Answer, is_welcome: bool) -> Verdict:
    if is_welcome:
        ok, text = not answer.problem, answer.problem or _as_expected(hook)
        if ok and hook == "FindContact" and answer.rows:
            ok, text = False, _("gave a contact for a caller who hides the number")
    else:
        ok = answer.status == 400
        text = _("was asked with nothing in it, and said what is missing") if ok else answer.problem
        text = text or _("took a request with nothing in it")
    return Verdict(hook=hook, ok=ok, status=answer.status, milliseconds=answer.milliseconds, text=text)


def _as_expected(hook: str) -> str:
    return _("turned away, as it should") if hook not in HOOKS else _("as the document promises")


def advice(status: int, door: str = "hooks") -> str:
    """What to do about a request that failed, in words; "" for one that did not."""
    if status < 400 and status:
        return ""
    match status:
        case 0:
            return _(
                "No answer: see whether the site can be reached at this address, from the internet and from itself."
            )
        case 403 if door == "webhooks":
            return _(
                "Turned away: the token in the body is wrong, expired or deleted, or the webhook's user is deactivated "
                "or lacks the permission to use the API. Issue one more token in the list of webhooks."
            )
        case 401 | 403:
            return _(
                "Turned away: the credential is wrong, expired or revoked, its user is deactivated or lacks the "
                "permission to use the API, or the web server drops the Authorization header "
                "(Apache: WSGIPassAuthorization On)."
            )
        case 404:
            return _(
                "Not there: the id names nothing any more, or the document is an old one. Send the new one to Ringotel."
            )
        case 400:
            return _("Not understood: the fields say what was missing. If Ringotel renamed a variable, see VARIABLES.")
        case 411 | 413 | 415:
            return _("The file was not taken: too large, of a kind that is not audio, or without a length.")
        case 429:
            return _("Too many wrong attempts: wait, and see who keeps trying.")
        case 501:
            return _("This CRM does not offer that. Send the current document to Ringotel.")
    return _("An error of this site: its log has the details.")
