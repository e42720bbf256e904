"""Filters of the list of calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Activity, FollowUp, Recording
from ..models.validators import validate_reasonable_year
from ..records import CallState
from ..services.calls.access import VIEW_ALL
from ..services.calls.states import state_filter
from ..services.calls.statistics import midnight, with_hour
from ..services.recordings.store import may_play
from .base import backend_for
from .changelist import LATEST

MAX_AGENTS = 100
# The parameters of a period of days.
PERIOD = ("first_day", "last_day")
# A year of the overview, and the hour by which winter time makes it longer.
MAX_PERIOD = dt.timedelta(days=367)

Choices = list[tuple[str, Any]]
Calls = QuerySet[Activity]


def start_of_day(days_ago: int = 0) -> dt.datetime:
    """Return midnight in the current time zone, today or ``days_ago`` days earlier."""
    return midnight(timezone.localdate() - dt.timedelta(days=days_ago))


class PeriodForm(forms.Form):
    """The first and the last day of a period. Either may be missing."""

    first_day = forms.DateField(
        label=_("From"),
        required=False,
        validators=[validate_reasonable_year],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    last_day = forms.DateField(
        label=_("To"),
        required=False,
        validators=[validate_reasonable_year],
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        """Require the order of the days."""
        first, last = (self.cleaned_data.get(name) for name in PERIOD)
        if first and last and first > last:
            self.add_error("last_day", gettext("Enter a day that is not before the first day."))
        return self.cleaned_data


class DateFilter(admin.SimpleListFilter):
    """Filter by the day on which the call started."""

    title = _("date")
    parameter_name = "period"
    template = "admin/ringotel_crm/date_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        days = {name: params.pop(name)[-1] for name in PERIOD if name in params}
        self.form = PeriodForm(days if any(days.values()) else None, auto_id="ringotel-%s")
        self.has_period = self.form.is_valid()
        self.other_parameters = [
            (name, value)
            for name, values in request.GET.lists()
            for value in values
            if name not in (*self.expected_parameters(), PAGE_VAR, ERROR_FLAG, LATEST)
        ]

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name, *PERIOD]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [
            ("today", _("Today")),
            ("yesterday", _("Yesterday")),
            ("7", _("Last 7 days")),
            ("30", _("Last 30 days")),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the choices, which replace a period, and the period if one is given."""
        for number, choice in enumerate(super().choices(changelist)):
            values = [None, *(lookup for lookup, _label in self.lookup_choices)]
            days = dict.fromkeys(PERIOD)
            url = changelist.get_query_string({self.parameter_name: values[number], **days})
            selected = choice["selected"] and not self.has_period
            yield {**choice, "query_string": url, "selected": selected}
        if self.has_period:
            url = changelist.get_query_string()
            yield {"selected": True, "query_string": url, "display": self._describe_period()}

    def _describe_period(self) -> str:
        first, last = (self.form.cleaned_data[name] for name in PERIOD)
        days = {"first": date_format(first) if first else "", "last": date_format(last or first)}
        if not last:
            return gettext("since %(first)s") % days
        if not first:
            return gettext("until %(last)s") % days
        return days["first"] if first == last else "{first} – {last}".format(**days)

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        if self.has_period:
            first, last = (self.form.cleaned_data[name] for name in PERIOD)
            if first:
                queryset = queryset.filter(start__gte=midnight(first))
            if last:
                queryset = queryset.filter(start__lt=midnight(last + dt.timedelta(days=1)))
            return queryset
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
    """Filter with two choices: rows that meet :attr:`condition`, and all others."""

    condition: Any = Q()
    labels: tuple[Any, Any] = (_("Yes"), _("No"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", self.labels[0]), ("no", self.labels[1])]

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        match self.value():
            case "yes":
                return queryset.filter(self.condition)
            case "no":
                return queryset.exclude(self.condition)
        return queryset


class HasContact(BooleanListFilter):
    """Filter by whether the call has a contact."""

    title = _("caller")
    parameter_name = "unassigned"
    # The index has the type first.
    condition = Q(contact_type=None, contact_id="")
    labels = (_("Unknown"), _("Known contact"))


class HasRecording(BooleanListFilter):
    """Filter by whether a recording can be played."""

    title = _("recording")
    parameter_name = "recorded"
    # A join would read and sort all recorded calls.
    condition = Exists(
        Recording.objects.filter(activity=OuterRef("pk"), deletion_started=False).order_by()
    )
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
