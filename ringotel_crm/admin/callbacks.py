"""The page *To call back*, and its count in the menu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ..conf import conf
from ..internal.parsing import parse_key
from ..models import Activity, Callback
from ..records import ContactRecord
from ..services.calls import callbacks
from ..services.calls.access import VIEW_OWN_NAME, may_view_calls
from ..services.calls.callbacks import MAX_COUNT, MissedCaller
from ..services.calls.click_to_call import call_link
from ..services.recordings.store import recordings_playable_by
from .base import LargeTableAdmin, ReadOnlyPermissionsMixin, admin_url, backend_for, render_page
from .contact_search import contact_url
from .html import object_url, play_link, user_name
from .undo import message_with_undo, redirect_back

PAGE_SIZE = 50
CHANGE = "ringotel_crm.change_activity"


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackRow:
    """A caller as the page shows it. All texts but ``number`` may be ""."""

    caller: MissedCaller
    name: str
    url: str
    company: str
    number: str
    recording: str
    taken_by: str
    is_taken_by_user: bool


class CallbackAdmin(ReadOnlyPermissionsMixin, LargeTableAdmin):
    """The list of callers. It has no pages for single rows."""

    view_permission_name = VIEW_OWN_NAME

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_view_calls(request.user)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.page))
        return [path("", view, name="ringotel_crm_callback_changelist")]

    def page(self, request: HttpRequest) -> HttpResponse:
        """Show the list, or perform the posted action."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self.act(request)
        backend = backend_for(request)
        number = request.GET.get("p", "")
        page = int(number) if number.isascii() and number.isdecimal() and len(number) < 4 else 0
        rows = callback_rows(request, self.admin_site, limit=PAGE_SIZE + 1, offset=page * PAGE_SIZE)
        context = {
            "title": _("To call back"),
            "opts": Activity._meta,
            "rows": rows[:PAGE_SIZE],
            "earlier_page": page + 1 if len(rows) > PAGE_SIZE else None,
            "later_page": page - 1 if page else None,
            "done": done_rows(request),
            "without_number": callbacks.count_without_number(backend, request.user),
            "max_count": MAX_COUNT,
            "days": conf.CALLBACK_DAYS,
            "may_change": request.user.has_perm(CHANGE),
        }
        return render_page(request, self, "callbacks.html", context)

    def act(self, request: HttpRequest) -> HttpResponse:
        """Take, release, close or reopen the caller of a call, and redirect back."""
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        key, action = parse_key(request.POST.get("call", "")), request.POST.get("action", "")
        backend, user = backend_for(request), request.user
        call = callbacks.find_missed_call(backend, user, key)
        if call is None:
            raise Http404
        name = call.contact_name or call.display_number
        match action:
            case "take" | "take_over":
                self._take(request, call, name, replace=action == "take_over")
            case "release":
                callbacks.release(backend, user, call)
                self.message_user(request, _("You are no longer on it: %(name)s") % {"name": name})
            case "done":
                callbacks.mark_done(backend, user, call)
                message = _("Done: %(name)s") % {"name": name}
                self._report(request, message, call, "reopen")
            case "reopen":
                callbacks.reopen(backend, user, call)
                self.message_user(request, _("In the list again: %(name)s") % {"name": name})
            case _:
                return HttpResponseBadRequest()
        return redirect_back(request, self._url)

    def _take(self, request: HttpRequest, call: Activity, name: str, *, replace: bool) -> None:
        taker = callbacks.take(backend_for(request), request.user, call, replace=replace)
        if taker is None:
            message = _("No longer in the list: %(name)s") % {"name": name}
            self.message_user(request, message, "warning")
        elif taker != request.user:
            message = _("%(user)s is already on it: %(name)s")
            values = {"user": user_name(taker), "name": name}
            self.message_user(request, message % values, "warning")
        else:
            message = _("You are on it: %(name)s") % {"name": name}
            self._report(request, message, call, "release")

    def _report(self, request: HttpRequest, message: str, call: Activity, undo: str) -> None:
        """Add a message with a button that posts the action ``undo`` for ``call``."""
        fields = [("call", call.pk), ("action", undo)]
        message_with_undo(request, message, self._url, fields)

    @property
    def _url(self) -> str:
        return admin_url(self.admin_site, "ringotel_crm_callback_changelist")


def callback_rows(
    request: HttpRequest, site: AdminSite, *, limit: int, offset: int = 0
) -> list[CallbackRow]:
    """Return the callers to call back, for ``callback_rows.html``, the latest first."""
    backend, user = backend_for(request), request.user
    callers = callbacks.callers_to_call_back(backend, user, limit=limit, offset=offset)
    contacts: dict[str, list[ContactRecord]] = {}
    numbers = [caller.number for caller in callers]
    for number, contact in backend.contacts.find(numbers) if numbers else ():
        contacts.setdefault(number, []).append(contact)
    voicemails = [caller.voicemail for caller in callers if caller.voicemail]
    playable = recordings_playable_by(user).filter(activity__in=voicemails, deletion_started=False)
    recordings = {recording.activity_id: recording for recording in playable}
    rows = []
    for caller in callers:
        name, url, company = _describe(
            request, site, caller.last_call, contacts.get(caller.number, [])
        )
        recording = recordings.get(caller.voicemail.pk) if caller.voicemail else None
        rows.append(
            CallbackRow(
                caller=caller,
                name=name,
                url=url,
                company=company,
                number=call_link(caller.number),
                recording=play_link(recording, name, _("Play voicemail")) if recording else "",
                taken_by=user_name(caller.taken_by),
                is_taken_by_user=caller.taken_by == user,
            )
        )
    return rows


def done_rows(request: HttpRequest) -> list[tuple[Callback, Activity, str, str]]:
    """Return the callers that were done last: row, call, name, and the user who was on it."""
    done = callbacks.done_calls(backend_for(request), request.user)
    return [
        (row, call, call.contact_name or call.display_number, user_name(row.done_by))
        for row, call in done
    ]


def _describe(
    request: HttpRequest, site: AdminSite, call: Activity, contacts: list[ContactRecord]
) -> tuple[str, str, str]:
    """Return name, URL and company of the caller: those of the call's contact, else of the only
    contact with the number."""
    if call.contact_id:
        url = object_url(site, call.contact_type_id, call.contact_id)
        companies = [one.company_name for one in contacts if one.name == call.contact_name]
        return call.contact_name, url, companies[0] if companies else ""
    if len(contacts) == 1:
        [contact] = contacts
        return contact.name, contact_url(request, site, contact.id), contact.company_name
    return "", "", ""


def count_label(request: HttpRequest) -> str:
    """Return the number of callers to call back, such as "3" or "99+"; "" for none."""
    count = callbacks.count_callers(backend_for(request), request.user)
    return f"{MAX_COUNT}+" if count > MAX_COUNT else str(count or "")


def show_count_in_menu(site: AdminSite) -> None:
    """Show the count with the link of the list in the menu and on the index of ``site``.

    Django has no other way to name a model differently for each request.
    """
    get_app_list = site.get_app_list

    def with_count(request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = get_app_list(request, app_label)
        for app in apps:
            for model in app["models"]:
                if model.get("model") is Callback and (count := count_label(request)):
                    model["name"] = f"{model['name']} ({count})"
        return apps

    site.get_app_list = with_count  # type: ignore[method-assign]
