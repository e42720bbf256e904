"""Self test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host
from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import InvalidInput
from ..models import Activity
from ..simulator.auth import AuthError, credential_for
from ..simulator.document import HOOKS, Document, DocumentError, read_document
from ..simulator.engine import Answer, Client, WireVariant
from ..simulator.player import CrmUnreachable, Player
from .credentials import LOCAL, Connection

TIMEOUT = 5  # seconds for each answer


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """What one request of the check gave. ``text`` says in words what was expected and came, or what to do."""

    hook: str
    ok: bool
    status: int
    milliseconds: float
    text: str


def run_self_test(connection: Connection, *, user: Any = None) -> list[CheckResult]:
    """Call each hook over HTTP, as Ringotel would, and tell what came back. For OAuth2, ``user`` is who approves it.

    Nothing stays: the call that is played is removed, and what would write into the CRM's own tables is asked with
    nothing in it, and has to be refused. Raises ``Invalid`` if there is nothing to play with.
    """
    try:
        document = read_document(connection.document)
        for url in (
            *(hook.url for hook in document.hooks.values()),
            document.oauth2.get("token_endpoint", ""),
        ):
            # Staff who may connect Ringotel may not send this server anywhere else.
            if url and not validate_host(
                urlsplit(url).hostname or "", settings.ALLOWED_HOSTS or list(LOCAL)
            ):
                raise InvalidInput(
                    _(
                        "The address of this site is not among its ALLOWED_HOSTS, so it cannot be tried from here."
                    )
                )
        with _approval(document, connection, user) as grant:
            auth = credential_for(document, connection.properties, timeout=TIMEOUT, **grant)
            return _run_checks(Client(document, auth, connection.properties, timeout=TIMEOUT))
    except (DocumentError, AuthError) as exc:
        raise InvalidInput(str(exc)) from exc


@contextmanager
def _approval(document: Document, connection: Connection, user: Any) -> Iterator[dict[str, str]]:
    """What is needed beside the properties: for OAuth2, an authorization code."""
    if not document.oauth2 or user is None:
        yield {}
        return
    from ..auth.oauth import temporary_grant

    with temporary_grant(connection.properties.get("Client ID", ""), user) as (code, redirect_uri):
        yield {"code": code, "redirect_uri": redirect_uri}


def _run_checks(client: Client) -> list[CheckResult]:
    verdicts: list[CheckResult] = []
    player = Player(
        client,
        on_event=lambda event: verdicts.append(
            CheckResult(
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
    except CrmUnreachable as exc:
        verdicts.append(CheckResult(hook="", ok=False, status=0, milliseconds=0, text=str(exc)))
        return verdicts
    call_id = f"connection-check-{secrets.token_hex(8)}"
    try:
        verdicts.extend(_check_call(client, call_id))
    finally:
        Activity.objects.filter(call_id=call_id).delete()
    return verdicts


def _check_call(client: Client, call_id: str) -> Iterator[CheckResult]:
    now = int(timezone.now().timestamp() * 1000)
    call = {
        "call_id": call_id,
        "activity_type": "internal",
        "caller_number": "100",
        "called_number": "101",
    }
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
            yield _evaluate(name, client.call(hook, values, WireVariant()), is_welcome)


def _evaluate(hook: str, answer: Answer, is_welcome: bool) -> CheckResult:
    if is_welcome:
        ok, text = not answer.problem, answer.problem or _as_expected(hook)
        if ok and hook == "FindContact" and answer.rows:
            ok, text = False, _("gave a contact for a caller who hides the number")
    else:
        ok = answer.status == 400
        text = _("was asked with nothing in it, and said what is missing") if ok else answer.problem
        text = text or _("took a request with nothing in it")
    return CheckResult(
        hook=hook, ok=ok, status=answer.status, milliseconds=answer.milliseconds, text=text
    )


def _as_expected(hook: str) -> str:
    return _("turned away, as it should") if hook not in HOOKS else _("as the document promises")


def troubleshooting_hint(status: int, integration: str = "hooks") -> str:
    """What to do about a request that failed, in words; "" for one that did not."""
    if status < 400 and status:
        return ""
    match status:
        case 0:
            return _(
                "No answer: see whether the site can be reached at this address, from the internet and from itself."
            )
        case 403 if integration == "webhooks":
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
            return _(
                "Not understood: the fields say what was missing. If Ringotel renamed a variable, see VARIABLE_NAMES."
            )
        case 411 | 413 | 415:
            return _(
                "The file was not taken: too large, of a kind that is not audio, or without a length."
            )
        case 429:
            return _("Too many wrong attempts: wait, and see who keeps trying.")
        case 501:
            return _("This CRM does not offer that. Send the current document to Ringotel.")
    return _("An error of this site: its log has the details.")
