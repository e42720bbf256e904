"""Filters of the list of calls."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import Activity, FollowUp
from ..records import CallState
from ..services.calls.access import VIEW_ALL
from ..services.calls.states import state_filter
from ..services.calls.statistics import with_hour
from ..services.recordings.store import may_play
from .base import backend_for

MAX_AGENTS = 100
# A year of the overview, and the hour by which winter time makes it longer.
MAX_PERIOD = dt.timedelta(days=367)

Choices = list[tuple[str, Any]]
Calls = QuerySet[Activity]


def start_of_day(days_ago: int = 0) -> dt.datetime:
    """Return midnight in the current time zone, today or ``days_ago`` days earlier."""
    day = timezone.localdate() - dt.timedelta(days=days_ago)
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


class DateFilter(admin.SimpleListFilter):
    """Filter by the day on which the call started."""

    title = _("date")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            ("today", _("Today")),
            ("yesterday", _("Yesterday")),
            ("7", _("Last 7 days")),
            ("30", _("Last 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        match self.value():
            case "today":
                return queryset.filter(start__gte=start_of_day())
            case "yesterday":
                return queryset.filter(start__gte=start_of_day(1), start__lt=start_of_day())
            case "7" | "30" as days:
                return queryset.filter(start__gte=start_of_day(int(days) - 1))
        return queryset


class HourFilter(admin.SimpleListFilter):
    """Filter by hour of the day in a period, ``start__gte`` to ``start__lt``.

    It has choices only when it is in use: the links of the overview contain a period.
    """

    title = _("hour")
    parameter_name = "hour"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(str(hour), f"{hour}:00") for hour in range(24)] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        try:
            hour = int(self.value() or "")
            period = (request.GET[name] for name in ("start__gte", "start__lt"))
            begin, end = (dt.datetime.fromisoformat(time).astimezone(dt.UTC) for time in period)
        except (KeyError, OverflowError, ValueError):
            return queryset
        if end - begin > MAX_PERIOD:
            return queryset
        return with_hour(queryset, begin, end).filter(hour=hour)


class StateFilter(admin.SimpleListFilter):
    """Filter by the state that the list shows. "Missed" and "no answer" include their kinds."""

    title = _("status")
    parameter_name = "state"
    choices_shown = (
        *(CallState.LIVE, CallState.ANSWERED, CallState.MISSED, CallState.NO_ANSWER),
        *(CallState.VOICEMAIL, CallState.BUSY, CallState.FAILED, CallState.UNKNOWN),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(state.value, state.label) for state in self.choices_shown]

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        if (value := self.value()) in self.choices_shown:
            return queryset.filter(state_filter(CallState(value)))
        return queryset


class AgentFilter(admin.SimpleListFilter):
    """Filter by agent."""

    title = _("agent")
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        choices: Choices = [("me", _("My calls")), ("none", _("No agent"))]
        if request.user.has_perm(VIEW_ALL):
            users = islice(backend_for(request).users.records(), MAX_AGENTS)
            choices += [(user.id, user.name) for user in users]
        return choices

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        match self.value():
            case None:
                return queryset
            case "me":
                ids = backend_for(request).users.user_ids_for([request.user])
                return queryset.filter(agent_id__in=ids)
            case "none":
                return queryset.filter(agent_id="")
            case id:
                return queryset.filter(agent_id=id)


class BooleanListFilter(admin.SimpleListFilter):
    """Filter with two choices: rows that match :attr:`lookup`, and all others."""

    lookup: dict[str, Any] = {}
    labels: tuple[Any, Any] = (_("Yes"), _("No"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", self.labels[0]), ("no", self.labels[1])]

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        match self.value():
            case "yes":
                return queryset.filter(**self.lookup)
            case "no":
                return queryset.exclude(**self.lookup)
        return queryset


class HasContact(BooleanListFilter):
    """Filter by whether the call has a contact."""

    title = _("caller")
    parameter_name = "unassigned"
    lookup = {"contact_id": ""}
    labels = (_("Unknown"), _("Known contact"))


class HasRecording(BooleanListFilter):
    """Filter by whether a recording can be played."""

    title = _("recording")
    parameter_name = "recorded"
    lookup = {"recording__deletion_started": False}
    labels = (_("Recorded"), _("Not recorded"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return super().lookups(request, model_admin) if may_play(request.user) else []


class FollowUpFilter(BooleanListFilter):
    """Filter by whether an open follow-up is on the call."""

    title = _("follow-up")
    parameter_name = "follow_up"
    labels = (_("Open follow-up"), _("No open follow-up"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        may_view = request.user.has_perm("ringotel_crm.view_followup")
        return super().lookups(request, model_admin) if may_view else []

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        follow_ups = FollowUp.objects.filter(done_at=None, activity__isnull=False)
        match self.value():
            case "yes":
                return queryset.filter(pk__in=follow_ups.order_by().values("activity"))
            case "no":
                return queryset.exclude(Exists(follow_ups.filter(activity=OuterRef("pk"))))
        return queryset
