"""The page that assigns calls to a contact, or corrects the contact of a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import databases, phone
from ..exceptions import CRMError
from ..internal.parsing import parse_key
from ..models import Activity
from ..records import ContactRecord, ContactReference
from ..services import locks
from ..services.calls.access import visible_calls
from ..services.contacts.linking import (
    assign_calls,
    calls_of,
    link,
    resolve_reference,
)
from ..services.contacts.write import NumberChange, give_number
from .base import admin_url, backend_for, render_page
from .contact_search import add_contact_url, contact_directories, find_contacts, may_change
from .linking import report_links

MAX_CALLS = 100
ADD, MOVE = "add", "move"


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberOptions:
    """What can be corrected for the number that the selected calls have in common.

    ``others`` are the other calls with this number and the same contact, ``previous``.
    ``holder`` is that contact if it has the number.
    """

    number: str
    previous: ContactReference
    others: QuerySet[Activity]
    holder: ContactRecord | None
    can_add: bool
    can_move: bool


def assign_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Search for a contact and, on POST, assign the calls to it.

    ``id`` (repeated) names the calls, ``q`` is the search text. On POST, ``contact`` is the id of
    the contact; an empty value removes the contact. ``scope`` is "number" for all calls of the
    number, and ``number`` is "add" or "move" to change the contact of the number too.
    """
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else request.GET
    keys = map(parse_key, data.getlist("id")[:MAX_CALLS])
    calls = list(model_admin.get_queryset(request).filter(pk__in=keys))
    site = model_admin.admin_site
    options = _number_options(request, site, calls)
    is_assignment = request.method == "POST" and "contact" in request.POST
    if is_assignment and _assign_calls(request, site, calls, options):
        return HttpResponseRedirect(_next_url(site, calls))
    text = data.get("q", "")
    if "q" not in data and len(calls) == 1:
        text = calls[0].outside_number
    context = {
        "title": _("Assign to a contact"),
        "calls": calls,
        "options": options,
        "others_count": options.others.count() if options else 0,
        "display_number": phone.display(options.number) if options else "",
        "scope": data.get("scope", ""),
        "number": data.get("number", ""),
        "q": text,
        "contacts": _choices(request, site, text),
        "has_contact": any(call.contact_id for call in calls),
        "new_contact_url": _new_contact_url(request, site, calls),
    }
    return render_page(request, model_admin, "assign.html", context)


def _number_options(
    request: HttpRequest, site: AdminSite, calls: list[Activity]
) -> NumberOptions | None:
    """Return the options for the number and contact that the calls share, None if they differ."""
    shared = {(call.outside_e164, call.contact_type_id, call.contact_id) for call in calls}
    number = calls[0].outside_e164 if len(shared) == 1 else ""
    if not phone.candidates(number):
        return None
    backend, previous = backend_for(request), calls[0].contact_reference
    contact = resolve_reference(backend, previous)
    has_number = contact is not None and number in backend.contacts.numbers(contact.id)
    models = [d.model for d in contact_directories(backend) if d.can_update and d.model]
    can_change = any(may_change(request, site, model) for model in models)
    others = calls_of(backend, [number], previous, visible_calls(backend, request.user))
    return NumberOptions(
        number=number,
        previous=previous,
        others=others.exclude(pk__in=[call.pk for call in calls]),
        holder=contact if has_number else None,
        can_add=can_change,
        can_move=can_change and has_number and backend.contacts.can_remove_numbers,
    )


def _assign_calls(
    request: HttpRequest, site: AdminSite, calls: list[Activity], options: NumberOptions | None
) -> bool:
    """Assign the calls and report the result as a message. Returns whether it succeeded."""
    backend, contact_id = backend_for(request), request.POST["contact"]
    text = ngettext("%(count)d call assigned.", "%(count)d calls assigned.", len(calls))
    sentences = [text % {"count": len(calls)}]
    change = None
    try:
        with databases.atomic():
            locks.acquire(f"contacts {backend.tenant}")
            links = assign_calls(backend, calls, contact_id)
            if options and request.POST.get("scope") == "number":
                visible, contact = visible_calls(backend, request.user), links[0].contact
                links.append(link(backend, [options.number], options.previous, contact, visible))
            if options and contact_id:
                change = _change_number(request, site, options, contact_id)
    except CRMError as exc:
        messages.error(request, exc.message)
        return False
    if change:
        name = links[0].contact.name
        sentences.append(_("%(name)s has the number now.") % {"name": name})
    report_links(request, site, links, _next_url(site, calls), " ".join(sentences), change)
    return True


def _change_number(
    request: HttpRequest, site: AdminSite, options: NumberOptions, contact_id: str
) -> NumberChange | None:
    """Add the number to the contact, or move it there, as posted.

    Raises ``PermissionDenied`` if the user may not change one of the contacts.
    """
    action = request.POST.get("number", "")
    source = ""
    if action == MOVE and options.can_move and options.holder:
        source = options.holder.id
    elif not (action == ADD and options.can_add):
        return None
    if source == contact_id:
        return None
    backend = backend_for(request)
    for changed_id in filter(None, [contact_id, source]):
        model, _key = backend.contacts.to_reference(changed_id)
        if model and not may_change(request, site, model):
            raise PermissionDenied
    return give_number(backend, options.number, contact_id, source)


def _next_url(site: AdminSite, calls: list[Activity]) -> str:
    if len(calls) == 1:
        return admin_url(site, "ringotel_crm_activity_change", calls[0].pk)
    return admin_url(site, "ringotel_crm_activity_changelist")


def _choices(request: HttpRequest, site: AdminSite, text: str) -> list[tuple[str, Any, list[str]]]:
    """Return id, object and details of the contacts found, to distinguish those of one name."""
    directory = backend_for(request).contacts
    choices = []
    for contact_id, contact in find_contacts(request, site, text):
        record = directory.get(contact_id)
        details = []
        if record:
            numbers = [phone.display(number) for number in (record.phone, record.mobile) if number]
            details = [text for text in (record.company_name, *numbers, record.email) if text]
        choices.append((contact_id, contact, details))
    return choices


def _new_contact_url(request: HttpRequest, site: AdminSite, calls: list[Activity]) -> str:
    call = calls[0] if len(calls) == 1 else None
    number = calls[0].outside_number if calls else ""
    return add_contact_url(request, site, number=number, call=call)
