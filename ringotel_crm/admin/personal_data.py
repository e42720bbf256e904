"""The page that exports or erases everything about a person."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from .. import phone
from ..exceptions import CRMError, InvalidInput
from ..internal.time_limits import within_limit
from ..models import Activity, AuditEntry, LegalHold
from ..records import ContactReference
from ..services.privacy.erasure import erase_subject
from ..services.privacy.export import (
    collect_data,
    count_data,
    count_rows,
    export_subject,
    log_export,
)
from ..services.privacy.subjects import DataSubject, find_subject
from .base import admin_url, backend_for, render_page
from .contact_search import contact_url
from .html import user_name
from .personal_data_report import get_sections, label

EXPORT = "ringotel_crm.export_person"
ERASE = "ringotel_crm.erase_person"
TEMPLATE = "personal_data.html"
MAX_HELD_CALLS = 20
MAX_RECEIPTS = 20
# Seconds for finding calls under a legal hold.
MAX_SECONDS = 0.2
# Rows of each kind on the page for printing.
MAX_ROWS = 500


def personal_data_url(request: HttpRequest, site: AdminSite, **person: str) -> str:
    """Return the URL of the page about the contact ``contact`` or the caller ``number``.

    Returns "" if the user may neither export nor erase, or if ``site`` has no such page.
    """
    if not (request.user.has_perm(EXPORT) or request.user.has_perm(ERASE)):
        return ""
    url = admin_url(site, "ringotel_crm_auditentry_personal_data")
    return url and f"{url}?{urlencode(person)}"


@never_cache
def personal_data_view(request: HttpRequest, model_admin: Any) -> HttpResponseBase:
    """GET shows what is stored about the contact ``contact`` or the caller ``number``.

    POST with ``action``: "read" shows everything on a page for printing, "download" returns the
    ZIP file, "erase" erases the person, if ``confirm`` is set, and redirects to the receipt.
    """
    if not (request.user.has_perm(EXPORT) or request.user.has_perm(ERASE)):
        raise PermissionDenied
    values = request.POST if request.method == "POST" else request.GET
    contact_id, number = values.get("contact", ""), values.get("number", "")
    context: dict[str, Any] = {"title": _("Data about a person"), "number": number}
    if not (contact_id or number):
        return render_page(request, model_admin, TEMPLATE, context)
    if not contact_id and (contacts := _contacts_with(request, model_admin.admin_site, number)):
        return render_page(request, model_admin, TEMPLATE, context | {"contacts": contacts})
    try:
        person = find_subject(backend_for(request), contact_id=contact_id, number=number)
    except CRMError as exc:
        return render_page(request, model_admin, TEMPLATE, context | {"problem": exc.message})
    try:
        if request.method == "POST":
            return _perform(request, model_admin, person)
    except CRMError as exc:
        context["problem"] = exc.message
    context |= _preview(request, model_admin.admin_site, person)
    return render_page(request, model_admin, TEMPLATE, context)


def _contacts_with(request: HttpRequest, site: AdminSite, text: str) -> list[tuple[str, str]]:
    """Return the contacts with this number, as pairs of name and URL of the page about each."""
    numbers = sorted({number.e164 for number in phone.numbers(text)})
    pairs = backend_for(request).contacts.find(numbers) if numbers else ()
    contacts = {contact.id: contact.name for _number, contact in pairs}
    return [(name, personal_data_url(request, site, contact=id)) for id, name in contacts.items()]


def _perform(request: HttpRequest, model_admin: Any, person: DataSubject) -> HttpResponseBase:
    """Perform the action of the form. Raises ``CRMError``."""
    action = request.POST.get("action", "")
    if not request.user.has_perm(ERASE if action == "erase" else EXPORT):
        raise PermissionDenied
    if action == "read":
        return _report(request, model_admin, person)
    if action == "download":
        return _download(request, model_admin, person)
    if action != "erase" or "confirm" not in request.POST:
        raise InvalidInput(_("Tick the box to confirm the erasure."))
    receipt = erase_subject(backend_for(request), person, user=request.user)
    messages.success(request, _("The data has been erased. This is the receipt."))
    return HttpResponseRedirect(_receipt_url(model_admin.admin_site, receipt["audit_entry"]))


def _report(request: HttpRequest, model_admin: Any, person: DataSubject) -> HttpResponseBase:
    """Show what is stored about the person, with up to :data:`MAX_ROWS` rows of each kind."""
    data, incomplete = collect_data(backend_for(request), person, limit=MAX_ROWS)
    entry = log_export(person, count_rows(data), user=request.user)
    context = {
        "title": _("Data about %(name)s") % {"name": _name(person)},
        "entry": entry,
        "user_name": user_name(request.user),
        "receipt_url": _receipt_url(model_admin.admin_site, entry.pk),
        "sections": get_sections(data, incomplete),
    }
    return render_page(request, model_admin, "personal_data_report.html", context)


def _download(request: HttpRequest, model_admin: Any, person: DataSubject) -> HttpResponseBase:
    """Return the ZIP file, which the response closes. The next page links to the receipt."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        entry = export_subject(backend_for(request), person, file, user=request.user)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    url = _receipt_url(model_admin.admin_site, entry.pk)
    link = format_html('<a href="{}">{}</a>', url, _("Receipt"))
    messages.success(request, format_html("{} {}", _("The data has been exported."), link))
    name = f"{slugify(_name(person)) or 'person'}-{timezone.localdate():%Y-%m-%d}.zip"
    return FileResponse(file, as_attachment=True, filename=name)


def _preview(request: HttpRequest, site: AdminSite, person: DataSubject) -> dict[str, Any]:
    """Return what is stored, what prevents the erasure, and earlier receipts."""
    backend = backend_for(request)
    counts = count_data(backend, person)
    receipts = AuditEntry.objects.filter(
        kind=AuditEntry.Kind.PERSON, object_id=person.contact_id, tenant=person.tenant
    )
    held = person.calls.filter(legal_hold=True).order_by("-start", "-pk")[:MAX_HELD_CALLS]
    # The service checks them again before it erases.
    read: Callable[[], list[Activity]] = partial(list, held)
    held_calls = within_limit(held.db, MAX_SECONDS, read, None)
    not_counted = _("not counted (takes too long)")
    return {
        "title": _("Data about %(name)s") % {"name": _name(person)},
        "person": person,
        "contact_url": person.contact and contact_url(request, site, person.contact_id),
        "counts": [
            (label(name), not_counted if count is None else count) for name, count in counts.items()
        ],
        "holds": [
            (hold, admin_url(site, "ringotel_crm_legalhold_delete", hold.pk))
            for hold in person.legal_holds
        ],
        "held_calls": [
            (call, admin_url(site, "ringotel_crm_activity_change", call.pk))
            for call in held_calls or ()
        ],
        "holds_are_unknown": held_calls is None,
        "keeps_contact": bool(person.contact) and not backend.contacts.can_delete,
        "receipts": [(entry, _receipt_url(site, entry.pk)) for entry in receipts[:MAX_RECEIPTS]]
        if person.contact_id
        else [],
        "may_export": request.user.has_perm(EXPORT),
        "may_erase": request.user.has_perm(ERASE),
    }


def privacy_context(
    request: HttpRequest, site: AdminSite, contact_id: str, reference: ContactReference
) -> dict[str, Any]:
    """Return what the page of a contact shows: its legal holds, and the URLs of the buttons."""
    holds = LegalHold.objects.filter(**reference.lookup)
    may_lift = request.user.has_perm("ringotel_crm.delete_legalhold")
    add_url = admin_url(site, "ringotel_crm_legalhold_add")
    return {
        "url": personal_data_url(request, site, contact=contact_id),
        "holds": [
            (hold, admin_url(site, "ringotel_crm_legalhold_delete", hold.pk) if may_lift else "")
            for hold in (holds if request.user.has_perm("ringotel_crm.view_legalhold") else ())
        ],
        "hold_url": f"{add_url}?{urlencode({'chosen': contact_id})}"
        if add_url and request.user.has_perm("ringotel_crm.add_legalhold")
        else "",
    }


def _name(person: DataSubject) -> str:
    """Return the name of the contact, or else the numbers."""
    if person.contact:
        return person.contact.name
    return ", ".join(map(phone.display, sorted(person.numbers))) or _("deleted contact")


def _receipt_url(site: AdminSite, entry_id: int) -> str:
    return admin_url(site, "ringotel_crm_auditentry_change", entry_id)
