"""The strip with the calls of the user's phone, and the notes that are typed in it."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from .. import databases
from ..admin.base import backend_for
from ..admin.ringing import kept_state, ringing_context, ringing_state
from ..client.call_notes import can_push_notes, push_notes
from ..exceptions import CRMError
from ..internal.conditional import conditional_response
from ..internal.permissions import has_perm
from ..models import Activity
from ..services.calls.access import may_view_calls, visible_calls
from ..services.calls.comments import edit_comment

MAX_NOTE = 20_000


class CallNoteForm(forms.Form):
    """A note on a call. ``base`` is the comment that ``text`` was edited from; ``done`` is set when
    the field is left.
    """

    text = forms.CharField(label=_("note"), required=False, strip=False, max_length=MAX_NOTE)
    base = forms.CharField(required=False, strip=False)
    done = forms.BooleanField(required=False)


@databases.fresh_reads()
@login_not_required  # the view responds 403, since the script cannot follow a login
@require_safe
def strip(request: HttpRequest) -> HttpResponseBase:
    """Return the calls on the user's phone, or 304 after a single query if none has changed."""
    if not request.user.is_authenticated:
        return HttpResponse(status=403)
    state = sorted({*ringing_state(request), *kept_state(request)})

    def respond() -> HttpResponse:
        if not may_view_calls(request.user):
            return HttpResponse(status=403)
        context = ringing_context(request, [key for key, _updated_at in state])
        return render(request, "ringotel_crm/ringing.html", context)

    return conditional_response(request, state, respond)


@databases.fresh_reads()
@login_not_required  # as above
@require_POST
def save_note(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Save the note on a call, and return the comment with what others have written since.

    A form that was sent without the script is redirected to its page.
    """
    user: Any = request.user
    if not (user.is_authenticated and has_perm(user, "ringotel_crm.change_activity")):
        return HttpResponse(status=403)
    call = get_object_or_404(visible_calls(backend_for(request), user), pk=pk)
    form = CallNoteForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    try:
        call = edit_comment(call, form.cleaned_data["text"], base=form.cleaned_data["base"])
    except Activity.DoesNotExist as exc:  # deleted since
        raise Http404 from exc
    if form.cleaned_data["done"] and can_push_notes(call):
        databases.on_commit(partial(_try_to_push, call), robust=True)
    if not request.accepts("text/html"):
        return JsonResponse({"comment": call.comment})
    url = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
        url = reverse("ringotel_crm:pop")
    return HttpResponseRedirect(url)


def _try_to_push(call: Activity) -> None:
    try:
        push_notes(call)
    except CRMError:
        return  # the note is saved here
