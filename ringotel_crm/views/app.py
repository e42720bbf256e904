"""The CRM as a tab of the Ringotel app: the current call, its contact, and follow-ups.

Enter the address of this page as a custom page of a connection. Ringotel fills in the placeholders
of its query. They are no credentials: users sign in to the site, inside the tab.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, redirect_to_login
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from .. import databases
from ..admin.base import backend_for
from ..admin.call_subjects import offered_subjects
from ..admin.contact_search import add_contact_url
from ..admin.sites import contact_site
from ..backends import Backend
from ..client.call_notes import can_push_notes, push_notes
from ..conf import conf
from ..exceptions import CRMError
from ..internal.conditional import conditional_response
from ..internal.parsing import is_absent, parse_key
from ..models import Activity, FollowUp
from ..models.validators import validate_reasonable_year
from ..records import ContactRecord
from ..services.calls.access import (
    VIEW_OWN_NAME,
    may_view_calls,
    own_calls,
    visible_calls,
    whom_to_ask,
)
from ..services.calls.click_to_call import call_link
from ..services.calls.comments import edit_comment
from ..services.calls.live import live_calls
from ..services.calls.timeline import earlier_calls
from ..services.contacts.identify import explain_caller
from ..services.contacts.linking import resolve_reference
from ..services.follow_ups import add_to_calls, all_follow_ups, due_follow_ups, mark_done
from ..services.sync import user_mapping

PLACEHOLDERS = ("userid", "domain", "number", "username", "email", "mobile")
MAX_LENGTH = 250
# How long the last call is shown after its end, for notes.
AFTER_CALL = dt.timedelta(hours=1)
EARLIER_CALLS, MAX_CONTACTS, MAX_FOLLOW_UPS = 5, 5, 20


class NotesForm(forms.ModelForm):  # type: ignore[type-arg]
    """Notes on a call. The hidden initial values show which fields were edited: the call may have
    changed since."""

    class Meta:
        model = Activity
        fields = ("subject", "comment")
        widgets = {
            "subject": forms.TextInput(attrs={"list": "subjects", "dir": "auto"}),
            "comment": forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
        }

    follow_up_on = forms.DateField(
        label=gettext_lazy("Follow up on"),
        required=False,
        validators=[validate_reasonable_year],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, user: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in self.fields.values():
            one.show_hidden_initial = True
            one.help_text = ""
        if not user.has_perm("ringotel_crm.add_followup"):
            del self.fields["follow_up_on"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentCall:
    """The call that is live, or ended last, and what is known of it. ``contacts`` are pairs of
    contact and URL."""

    call: Activity
    is_live: bool
    number: str
    contacts: list[tuple[ContactRecord, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    new_contact_url: str = ""
    earlier: list[Activity] = field(default_factory=list)


def framed(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let the pages of ``FRAME_ANCESTORS``, and of this site, show the response in a frame."""

    @wraps(view)
    def wrapped(*args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(*args, **kwargs)
        ancestors = " ".join(["'self'", *conf.FRAME_ANCESTORS])
        response["Content-Security-Policy"] = f"frame-ancestors {ancestors}"
        if conf.FRAME_ANCESTORS:
            response.xframe_options_exempt = True  # type: ignore[attr-defined]
        return response

    return wrapped


class AppLoginView(LoginView):
    """Sign in inside the tab: the site's own login page may not be framed."""

    template_name = "ringotel_crm/app/login.html"
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        return reverse("ringotel_crm:app")


login = databases.fresh_reads()(framed(AppLoginView.as_view()))


@databases.fresh_reads()
@framed
@login_not_required  # the view redirects to the login page that may be framed
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def app(request: HttpRequest) -> HttpResponseBase:
    """Show the page; on POST, save notes on a call or mark a follow-up as done."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), reverse("ringotel_crm:app-login"))
    if not may_view_calls(request.user):
        context = {"message": whom_to_ask(VIEW_OWN_NAME)}
        return render(request, "ringotel_crm/app/page.html", context, status=403)
    form = None
    if request.method == "POST":
        form = _save(request)
        if form is None:
            return HttpResponseRedirect(request.get_full_path())
    context = {
        **_current_context(request, form),
        "warning": _find_mismatch(request),
        "current_url": f"{reverse('ringotel_crm:app-current')}?{urlencode(_query(request))}",
    }
    status = 400 if form else 200
    return render(request, "ringotel_crm/app/page.html", context, status=status)


@databases.fresh_reads()
@framed
@login_not_required  # the view responds 403, since a page's script cannot follow a login
@require_safe
def current(request: HttpRequest) -> HttpResponseBase:
    """Show the part of the page that follows the calls. Responds 304 if nothing has changed."""
    if not (request.user.is_authenticated and may_view_calls(request.user)):
        return HttpResponse(status=403)
    call = _find_call(request)
    due = list(_due_follow_ups(request).values_list("pk", "text", "due"))

    def respond() -> HttpResponse:
        return render(request, "ringotel_crm/app/current.html", _current_context(request))

    return conditional_response(request, (call and (call.pk, call.updated_at), due), respond)


def _query(request: HttpRequest) -> dict[str, str]:
    """Return the placeholders that Ringotel has filled in."""
    values = {name: request.GET.get(name, "")[:MAX_LENGTH] for name in PLACEHOLDERS}
    return {name: value for name, value in values.items() if not is_absent(value)}


def _find_mismatch(request: HttpRequest) -> str:
    """Return a warning if the app belongs to another organization or user than the page."""
    given, backend = _query(request), backend_for(request)
    domain = given.get("domain", "")
    if domain and conf.ORGANIZATION_DOMAIN and domain.lower() != conf.ORGANIZATION_DOMAIN.lower():
        return _("The app is signed in to %(domain)s, another organization.") % {"domain": domain}
    id = user_mapping.agent_id(backend, given.get("userid", ""))
    extension, email = given.get("number", ""), given.get("email", "")
    user = user_mapping.resolve_agent(backend, id=id, extension=extension, email=email)
    if user is None or user.id in backend.users.user_ids_for([request.user]):
        return ""
    names = {"app": user.name, "page": request.user.get_username()}
    return _("The app is signed in as %(app)s, this page as %(page)s.") % names


def _own_calls(request: HttpRequest) -> QuerySet[Activity]:
    """Return the calls that the user took, or that ring on one of the user's phones."""
    return own_calls(backend_for(request), request.user)


def _find_call(request: HttpRequest) -> Activity | None:
    """Return the user's live call, else the last one if it is recent; None if the user has no such
    call."""
    calls = _own_calls(request).order_by("-start", "-pk")
    recent = calls.filter(start__gte=timezone.now() - AFTER_CALL)
    return live_calls(calls).first() or recent.first()


def _due_follow_ups(request: HttpRequest) -> QuerySet[FollowUp]:
    due = due_follow_ups(backend_for(request), request.user)
    return due.select_related("activity")[:MAX_FOLLOW_UPS]


def _current_context(request: HttpRequest, form: NotesForm | None = None) -> dict[str, Any]:
    """Return what the part of the page that follows the calls shows. ``form`` has errors."""
    call = form.instance if form else _find_call(request)
    user: Any = request.user
    may_note = user.has_perm("ringotel_crm.change_activity")
    return {
        "current": _describe(request, call) if call else None,
        "form": (form or NotesForm(user, instance=call)) if call and may_note else None,
        "subjects": offered_subjects(request),
        "follow_ups": [(one, _link_to_caller(one)) for one in _due_follow_ups(request)],
        "may_mark_done": user.has_perm("ringotel_crm.change_followup"),
    }


def _link_to_caller(follow_up: FollowUp) -> str:
    """Return the link that calls the number of the call, "" without one."""
    number = follow_up.activity.outside_e164 if follow_up.activity else ""
    return call_link(number) if number else ""


def _describe(request: HttpRequest, call: Activity) -> CurrentCall:
    backend = backend_for(request)
    contacts = _find_contacts(backend, call)
    numbers = backend.contacts.numbers(contacts[0].id) if len(contacts) == 1 else []
    earlier = earlier_calls(backend, request.user, call)
    outside, url = call.outside_number, ""
    if not contacts and outside:
        site = contact_site(backend)
        url = add_contact_url(request, site, name=call.contact_name, number=outside, call=call)
    return CurrentCall(
        call=call,
        is_live=live_calls(Activity.objects.filter(pk=call.pk)).exists(),
        number=call.display_number,
        contacts=[(contact, backend.contacts.url(contact.id)) for contact in contacts],
        links=[call_link(number) for number in numbers or filter(None, [call.outside_e164])],
        new_contact_url=url,
        earlier=list(earlier[:EARLIER_CALLS]),
    )


def _find_contacts(backend: Backend, call: Activity) -> list[ContactRecord]:
    """Return the contact that the call points to, else all that share its number."""
    if contact := resolve_reference(backend, call.contact_reference):
        return [contact]
    matches = explain_caller(backend, call.outside_number).matches
    return list({match.contact.id: match.contact for match in matches}.values())[:MAX_CONTACTS]


def _save(request: HttpRequest) -> NotesForm | None:
    """Save what was posted; return the form if it has errors. Raises ``Http404``."""
    if "follow_up" in request.POST:
        _mark_done(request)
        return None
    if not request.user.has_perm("ringotel_crm.change_activity"):
        raise Http404
    chosen = {"pk": parse_key(request.POST.get("call", ""))}
    visible = visible_calls(backend_for(request), request.user)
    call = _own_calls(request).filter(**chosen).first() or visible.filter(**chosen).first()
    if call is None:
        raise Http404
    form = NotesForm(request.user, request.POST, instance=call)
    if not form.is_valid():
        return form
    edited = {"subject", "comment"} & {*form.changed_data}
    if "subject" in edited:
        call.save(update_fields=["subject", "subject_normalized", "updated_at"])
    if "comment" in edited:
        base = request.POST.get(form["comment"].html_initial_name, "")
        call = edit_comment(call, form.cleaned_data["comment"], base=base)
    if edited and can_push_notes(call):
        databases.on_commit(partial(_try_to_push, call), robust=True)
    if due := form.cleaned_data.get("follow_up_on"):
        text = call.comment or call.subject or _("Call back")
        add_to_calls([call], text, assignee=request.user, due=due)
    return None


def _mark_done(request: HttpRequest) -> None:
    """Mark a follow-up as done. Raises ``Http404``."""
    if not request.user.has_perm("ringotel_crm.change_followup"):
        raise Http404
    key = parse_key(request.POST["follow_up"])
    mark_done(all_follow_ups(backend_for(request)).filter(pk=key), request.user)


def _try_to_push(call: Activity) -> None:
    try:
        push_notes(call)
    except CRMError:
        return  # the notes are saved here
