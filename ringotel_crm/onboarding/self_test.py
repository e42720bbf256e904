"""The self-test of a connection: call each hook as Ringotel would, without leaving data behind."""

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

from .. import databases
from ..exceptions import InvalidInput
from ..models import Activity
from ..simulator.auth import AuthError, credential_for
from ..simulator.document import HOOKS, Document, DocumentError, read_document
from ..simulator.engine import Answer, Client, WireVariant
from ..simulator.player import CrmUnreachable, Player
from ..simulator.report import Event
from .credentials import LOCAL_HOSTS, Connection

# Seconds for each response.
TIMEOUT = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """The result of one request. ``text`` is for people; ``status`` is 0 without a response."""

    hook: str
    ok: bool
    status: int
    milliseconds: float
    text: str


@databases.fresh_reads()
def run_self_test(connection: Connection, *, user: Any = None) -> list[CheckResult]:
    """Call each hook over HTTP and return the results. With OAuth2, ``user`` approves the access.

    The call that is logged is deleted afterwards. Hooks that write to the CRM's own tables are
    called with an empty request, which they must reject. Raises ``InvalidInput`` if the document
    or the credential cannot be used.
    """
    try:
        document = read_document(connection.document)
        _require_own_hosts(document)
        with _approval(document, connection, user) as grant:
            auth = credential_for(document, connection.properties, timeout=TIMEOUT, **grant)
            return _run_checks(Client(document, auth, connection.properties, timeout=TIMEOUT))
    except (DocumentError, AuthError) as exc:
        raise InvalidInput(str(exc)) from exc


def _require_own_hosts(document: Document) -> None:
    """Raise ``InvalidInput`` if a URL leads elsewhere: staff must not send requests from here."""
    urls = [hook.url for hook in document.hooks.values()]
    urls.append(document.oauth2.get("token_endpoint", ""))
    allowed = settings.ALLOWED_HOSTS or list(LOCAL_HOSTS)
    if not all(validate_host(urlsplit(url).hostname or "", allowed) for url in urls if url):
        raise InvalidInput(_("The host of this URL is not in ALLOWED_HOSTS, so it is not tested."))


@contextmanager
def _approval(document: Document, connection: Connection, user: Any) -> Iterator[dict[str, str]]:
    """Yield what OAuth2 needs in addition to the properties: an authorization code."""
    if not document.oauth2 or user is None:
        yield {}
        return
    from ..auth.oauth import temporary_grant

    with temporary_grant(connection.properties.get("Client ID", ""), user) as (code, redirect_uri):
        yield {"code": code, "redirect_uri": redirect_uri}


def _run_checks(client: Client) -> list[CheckResult]:
    results: list[CheckResult] = []
    player = Player(client, on_event=lambda event: results.append(_from_event(event)))
    try:
        player.set_up()
    except CrmUnreachable as exc:
        results.append(CheckResult(hook="", ok=False, status=0, milliseconds=0, text=str(exc)))
        return results
    call_id = f"connection-check-{secrets.token_hex(8)}"
    try:
        results.extend(_check_call(client, call_id))
    finally:
        Activity.objects.filter(call_id=call_id).delete()
    return results


def _check_call(client: Client, call_id: str) -> Iterator[CheckResult]:
    now = str(int(timezone.now().timestamp() * 1000))
    ref = {"call_id": call_id}
    start = {"activity_type": "internal", "caller_number": "100", "called_number": "101"}
    end = {"call_end": now, "call_duration": "0", "call_cause": "16"}
    steps: list[tuple[str, dict[str, str], bool]] = [
        ("FindContact", {"phone": "anonymous"}, True),
        ("CreateActivity", {**ref, **start, "call_start": now}, True),
        ("AssignActivity", ref, True),
        ("UpdateActivity", {**ref, "subject": _("Connection check")}, True),
        ("StopCallActivity", {**ref, **end}, True),
        ("UpdateCallRecording", ref, False),
        ("CreateContact", {}, False),
        ("UpdateContact", {}, False),
    ]
    for name, values, expect_success in steps:
        if hook := client.document.hooks.get(name):
            yield _evaluate(name, client.call(hook, values, WireVariant()), expect_success)


def _evaluate(hook: str, answer: Answer, expect_success: bool) -> CheckResult:
    if expect_success:
        ok, text = not answer.problem, answer.problem or _success(hook)
        if ok and hook == "FindContact" and answer.rows:
            ok, text = False, _("returned a contact for a caller who withholds the number")
    else:
        ok = answer.status == 400
        text = _("empty request rejected, as expected") if ok else answer.problem
        text = text or _("accepted an empty request")
    return CheckResult(
        hook=hook, ok=ok, status=answer.status, milliseconds=answer.milliseconds, text=text
    )


def _from_event(event: Event) -> CheckResult:
    return CheckResult(
        hook=event.hook,
        ok=not event.problems,
        status=event.status,
        milliseconds=event.milliseconds,
        text="; ".join(event.problems) or _success(event.hook),
    )


def _success(hook: str) -> str:
    return _("as documented") if hook in HOOKS else _("rejected, as expected")


def troubleshooting_hint(status: int, integration: str = "hooks") -> str:
    """Return what to do about a response with ``status`` (0: no response); "" if it succeeded."""
    if 0 < status < 400:
        return ""
    match status:
        case 0:
            return _(
                "No response. Check that the site can be reached at this URL, from the internet "
                "and from itself."
            )
        case 403 if integration == "webhooks":
            return _(
                "403: the token in the body is wrong, expired or deleted, or the webhook's user is "
                "inactive or lacks the permission to use the API. Issue another token in the list "
                "of webhooks."
            )
        case 401 | 403:
            return _(
                "403: the credential is wrong, expired or revoked, its user is inactive or lacks "
                "the permission to use the API, or the web server drops the Authorization header "
                "(Apache: WSGIPassAuthorization On)."
            )
    return _hints().get(status) or _("Error on this site: see its log.")


def _hints() -> dict[int, str]:
    file = _("The file was rejected: too large, not audio, or without a Content-Length.")
    return {
        404: _("404: unknown id, or an outdated document. Send the current document to Ringotel."),
        400: _("400: see the fields. If Ringotel renamed a variable, set VARIABLE_NAMES."),
        411: file,
        413: file,
        415: file,
        429: _("429: too many failed logins. Wait, and find out which client keeps trying."),
        501: _("501: not offered by this CRM. Send the current document to Ringotel."),
    }
