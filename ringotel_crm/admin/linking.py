"""Linking calls to a contact that gets their number, with an offer to undo it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieSession
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from .. import databases
from ..exceptions import CRMError
from ..internal.parsing import parse_key
from ..models import Activity
from ..services import locks
from ..services.calls.access import visible_calls
from ..services.contacts.linking import Links, assign_calls, link_unassigned, unlink
from ..services.contacts.write import NumberChange, undo_number
from .base import admin_url, backend_for
from .undo import message_with_undo

# The parameter of the form for a new contact with the primary key of the call it is created from.
CALL = "ringotel_call"
SESSION_KEY = "ringotel_links"
# What one user can undo: the latest of these, with at most this number of rows each.
MAX_BATCHES = 10
MAX_ROWS = 10_000
# Characters of JSON that a session in a cookie holds: browsers drop cookies above 4,096 bytes.
MAX_IN_COOKIE = 1_500


def originating_call(request: HttpRequest) -> Activity | None:
    """Return the call that a new contact is created from, if the user may change it."""
    key = parse_key(request.GET.get(CALL, ""))
    if not (key and request.user.has_perm("ringotel_crm.change_activity")):
        return None
    return visible_calls(backend_for(request), request.user).filter(pk=key).first()


def contact_numbers(request: HttpRequest, obj: Any) -> set[str]:
    """Return the E.164 numbers of a contact, an object of the host's model."""
    contacts = backend_for(request).contacts
    contact_id = contacts.from_reference(type(obj), str(obj.pk))
    return set(contacts.numbers(contact_id)) if contact_id else set()


def link_new_numbers(
    request: HttpRequest, site: AdminSite, obj: Any, numbers_before: set[str], url: str
) -> None:
    """Link the call that a contact was created from, and the unassigned calls and conversations
    of the numbers that it did not have before, and report them.

    ``url`` is the page after undoing it.
    """
    backend = backend_for(request)
    contact_id = backend.contacts.from_reference(type(obj), str(obj.pk))
    contact = backend.contacts.get(contact_id) if contact_id else None
    if contact is None:
        return
    links, text = [], ""
    if call := originating_call(request):
        links = assign_calls(backend, [call], contact_id)
        text = _("The call is assigned to %(name)s.") % {"name": contact.name}
    new_numbers = sorted(contact_numbers(request, obj) - numbers_before)
    links.append(link_unassigned(backend, contact, new_numbers))
    report_links(request, site, links, url, text)


def report_links(
    request: HttpRequest,
    site: AdminSite,
    links: Sequence[Links],
    url: str,
    text: str = "",
    number: NumberChange | None = None,
) -> None:
    """Report what was linked, if anything, with an offer to undo it.

    ``text`` is the first sentence. ``url`` is the page after undoing it. ``number`` is undone too.
    """
    calls = sum(len(group.calls) for group in links if not group.by_hand)
    conversations = sum(len(group.conversations) for group in links)
    sentences = [text] if text else []
    if calls:
        sentence = ngettext(
            "%(count)d earlier call linked.", "%(count)d earlier calls linked.", calls
        )
        sentences.append(sentence % {"count": calls})
    if conversations:
        sentence = ngettext(
            "%(count)d conversation linked.", "%(count)d conversations linked.", conversations
        )
        sentences.append(sentence % {"count": conversations})
    if not sentences:
        return
    message = " ".join(sentences)
    groups = [group.to_json() for group in links if group.calls or group.conversations]
    undoing = {"links": groups, "url": url, "number": asdict(number) if number else None}
    batch = "" if calls + conversations > MAX_ROWS else _keep_batch(request, undoing)
    if not batch:
        too_many = _("These are too many to undo at once.")
        messages.success(request, f"{message} {too_many}")
        return
    undo_url = admin_url(site, "ringotel_crm_activity_undo_links")
    message_with_undo(request, message, undo_url, [("batch", batch)])


def _keep_batch(request: HttpRequest, undoing: dict[str, Any]) -> str:
    """Store what can be undone in the session, and return its key, "" if it is too large."""
    batch = secrets.token_urlsafe(8)
    batches = [*request.session.get(SESSION_KEY, {}).items(), (batch, undoing)][-MAX_BATCHES:]
    if isinstance(request.session, CookieSession):
        while batches and len(json.dumps(batches)) > MAX_IN_COOKIE:
            del batches[0]
    request.session[SESSION_KEY] = dict(batches)
    return batch if batches else ""


@require_POST
def undo_links_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Undo the batch that :func:`report_links` stored in the session. Each is undone only once."""
    batches = request.session.get(SESSION_KEY, {})
    batch = batches.pop(request.POST.get("batch", ""), None)
    if batch is None:
        messages.warning(request, _("This was undone already, or can no longer be undone."))
        url = admin_url(model_admin.admin_site, "ringotel_crm_activity_changelist")
        return HttpResponseRedirect(url)
    request.session[SESSION_KEY] = batches
    backend = backend_for(request)
    with databases.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        count = sum(unlink(backend, Links.from_json(group)) for group in batch["links"])
    if batch["number"]:
        try:
            undo_number(backend, NumberChange(**batch["number"]))
        except CRMError as exc:
            messages.warning(request, exc.message)
    text = ngettext(
        "Undone: %(count)d call is as before.", "Undone: %(count)d calls are as before.", count
    )
    messages.success(request, text % {"count": count})
    return HttpResponseRedirect(batch["url"])
