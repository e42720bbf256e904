"""The calls on a user's phone: what the strip and the screen pop show of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ..backends import Backend
from ..internal.parsing import parse_key
from ..models import Activity
from ..records import CallState, ContactRecord, Direction, Status
from ..services.calls.access import contact_calls, visible_calls
from ..services.calls.live import ringing_calls
from ..services.calls.states import call_state
from ..services.contacts.callers import Caller, find_caller
from ..services.contacts.references import record_reference
from ..services.follow_ups import open_follow_ups_for
from .base import backend_for
from .contact_pages import contact_page, new_contact_page

MAX_CALLS = 10
# Earlier calls that are searched for a subject or comment.
MAX_EARLIER = 20

# Primary keys of calls, with the time of the last change.
CallTimes: TypeAlias = list[tuple[int, dt.datetime]]


@dataclass(frozen=True, kw_only=True, slots=True)
class RingingCall:
    """A call as the strip shows it.

    ``people`` are pairs of contact and URL, ``last`` is the latest call of this caller with a
    subject or comment. Texts and URLs may be "".
    """

    call: Activity
    state: CallState
    number: str
    caller: Caller
    people: list[tuple[ContactRecord, str]]
    new_contact_url: str
    last: Activity | None
    follow_ups: int
    announcement: str

    @property
    def is_live(self) -> bool:
        """Whether the end of the call has not been received."""
        return not Status(self.call.status).is_closed

    @property
    def phone_comment(self) -> str:
        """The comment entered on the phone, if it was not accepted because of other edits."""
        received = self.call.last_received_comment
        return "" if received in self.call.comment else received


def ringing_state(request: HttpRequest) -> CallTimes:
    """Return the state of the calls on the user's phone. One query."""
    return _state(ringing_calls(backend_for(request), request.user))


def kept_state(request: HttpRequest) -> CallTimes:
    """Return the state of the calls in the query parameter ``keep``, whose notes are being written.

    No query without the parameter.
    """
    texts = request.GET.get("keep", "").split(",")[:MAX_CALLS]
    keys = [key for text in texts if (key := parse_key(text))]
    if not keys:
        return []
    return _state(visible_calls(backend_for(request), request.user).filter(pk__in=keys))


def _state(calls: QuerySet[Activity]) -> CallTimes:
    # Sorted here: a database might read the table in the order of its primary key.
    return sorted(calls.order_by().values_list("pk", "updated_at"))[-MAX_CALLS:]


def ringing_context(request: HttpRequest, keys: Collection[int]) -> dict[str, Any]:
    """Return the context of ``ringotel_crm/ringing.html`` for the calls with these keys."""
    user: Any = request.user
    calls = Activity.objects.filter(pk__in=keys).order_by("start", "pk")
    return {
        "ringing": [_describe(request, call) for call in calls],
        "may_note": user.has_perm("ringotel_crm.change_activity"),
    }


def _describe(request: HttpRequest, call: Activity) -> RingingCall:
    backend = backend_for(request)
    caller, number = find_caller(backend, call), call.display_number
    url = ""
    if not caller.contacts:
        name, outside = call.contact_name, call.outside_e164
        url = new_contact_page(request, name=name, number=outside)
    return RingingCall(
        call=call,
        state=call_state(call),
        number=number,
        caller=caller,
        people=[(contact, contact_page(request, contact.id)) for contact in caller.contacts],
        new_contact_url=url,
        last=_last_call(request, call, caller),
        follow_ups=_count_follow_ups(backend, caller),
        announcement=_announcement(call, caller, number),
    )


def _count_follow_ups(backend: Backend, caller: Caller) -> int:
    """Return the number of open follow-ups on the person who calls."""
    reference = record_reference(backend, caller.contact)
    return open_follow_ups_for(backend, reference).count() if reference.id else 0


def _announcement(call: Activity, caller: Caller, number: str) -> str:
    """Return the text for screen readers, "" for a call that does not come in."""
    if call.direction == Direction.OUTBOUND or Status(call.status).is_closed:
        return ""
    name = caller.organization or call.contact_name or number
    if caller.contact:
        name = caller.contact.name
        if (company := caller.contact.company_name) and company != name:
            name = _("%(name)s, %(company)s") % {"name": name, "company": company}
    return _("Incoming call from %(caller)s") % {"caller": name}


def _last_call(request: HttpRequest, call: Activity, caller: Caller) -> Activity | None:
    """Return the caller's latest earlier call with a subject or comment."""
    backend, number = backend_for(request), call.outside_e164
    # Permission to view all calls of a contact includes none of unknown callers.
    viewable = contact_calls if caller.contacts else visible_calls
    calls = viewable(backend, request.user).exclude(pk=call.pk).exclude(start=None)
    searches: list[QuerySet[Activity]] = []
    if caller.contact:
        searches = [calls.filter(**record_reference(backend, caller.contact).lookup)]
    elif number:  # one query for each index
        searches = [calls.filter(caller_e164=number), calls.filter(called_e164=number)]
    earlier = [one for search in searches for one in search.order_by("-start")[:MAX_EARLIER]]
    noted = {(one.start, one.pk): one for one in earlier if one.subject or one.comment}
    return noted[max(noted)] if noted else None
