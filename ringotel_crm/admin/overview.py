"""The overview: figures and charts of calls. Each figure links to the calls that it counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format, get_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ..conf import conf
from ..models import Activity
from ..models.validators import validate_reasonable_year
from ..records import CallState, Direction
from ..services.calls import statistics, totals
from ..services.calls.access import VIEW_ALL, calls_between
from ..services.calls.statistics import Counts, Slot, midnight
from ..templatetags.ringotel import ringotel_length as duration
from .base import backend_for, render_page
from .charts import Bar, bars
from .filters import MAX_AGENTS
from .html import local_time, object_url
from .timeline import call_list_url

MAX_DAYS = 366
DEFAULT_DAYS = 7
CHOICES_OF_DAYS = (1, 7, 30, 365)
# A chart has a bar per day up to this number of days, then per week, then per month.
MAX_DAYS_BY_DAY = 31
MAX_DAYS_BY_WEEK = 184

INBOUND, OUTBOUND = Direction.INBOUND, Direction.OUTBOUND
# The states, as the list of calls filters them, of answered and unanswered calls.
STATES = {
    INBOUND: (CallState.ANSWERED, CallState.MISSED),
    OUTBOUND: (CallState.ANSWERED, CallState.NO_ANSWER),
}

Chart = tuple[str, str]
Row = dict[str, Any]


class OverviewForm(forms.Form):
    """A range of days, both ends included, and an agent."""

    since = forms.DateField(
        label=gettext_lazy("From"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[validate_reasonable_year],
    )
    until = forms.DateField(
        label=gettext_lazy("To"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[validate_reasonable_year],
    )
    agent = forms.CharField(
        label=gettext_lazy("Agent"), required=False, max_length=255, widget=forms.Select
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and not dt.timedelta() <= until - since < dt.timedelta(days=MAX_DAYS):
            raise forms.ValidationError(_("Enter a range of at least one day and at most a year."))
        return cleaned


@require_safe
def overview_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show the last ``?days=`` days, or the days from ``?since=`` to ``?until=``, of ``?agent=``,
    by default of all agents."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    form, days = _form(request)
    agent = form.cleaned_data.get("agent", "")
    period = Period(
        site=model_admin.admin_site,
        since=form.cleaned_data["since"],
        until=form.cleaned_data["until"],
        agent=agent,
    )
    backend, may_view_all = backend_for(request), request.user.has_perm(VIEW_ALL)
    of_agent = {"agent_id": agent} if agent else {}
    calls = calls_between(backend, request.user, period.begin, period.end).filter(**of_agent)
    can_be_counted = may_view_all and not agent
    counted = totals.read() if can_be_counted else None
    if counted and counted.until <= period.begin:
        counted = None
    uncounted = calls.filter(start__gte=counted.until) if counted else calls
    left_out = None
    limit = statistics.MAX_CALLS if can_be_counted else statistics.MAX_AGENT_CALLS
    first_day = statistics.first_day(uncounted, period.until, limit)
    if first_day and first_day > period.since:
        left_out = (period.since, first_day - dt.timedelta(days=1))
        period, counted = replace(period, since=first_day), None
        calls = calls_between(backend, request.user, period.begin, period.end).filter(**of_agent)
    context = {
        "title": _("Overview"),
        "form": form,
        "days": days,
        "periods": [(number, _period_url(number, agent)) for number in CHOICES_OF_DAYS],
        "left_out": left_out,
        "can_be_counted": can_be_counted,
        "max_calls": limit,
        **_numbers(period, calls, counted, backend.tenant),
    }
    return render_page(request, model_admin, "overview.html", context)


def _numbers(
    period: Period, calls: QuerySet[Activity], counted: totals.Totals | None, tenant: str
) -> dict[str, Any]:
    """Return figures, charts and tables. The days that are ``counted`` are not read."""
    recent = calls.filter(start__gte=counted.until) if counted else calls
    slots = statistics.slots(recent, period.begin, period.end)
    agents = [] if period.agent else statistics.agent_rows(recent)
    context: dict[str, Any] = {}
    if counted:
        slots += counted.slots(tenant, period.begin, period.end)
        agents += counted.agents(tenant, period.begin, period.end)
        context |= {"counted_until": counted.until, "counted_at": local_time(counted.counted_at)}
    if not slots:
        return {"is_empty": True}
    tables = [_agent_table(period, agents)]
    number = sum(slot.counts.answered + slot.counts.unanswered for slot in slots)
    if number <= statistics.MAX_CALLS:
        callbacks = statistics.callbacks(calls, period.begin)
        context |= {
            "callbacks": callbacks,
            "callback_time": callbacks.median and _length(callbacks.median),
        }
        tables.append(_contact_table(period, calls))
    return {
        **context,
        "callback_days": conf.CALLBACK_DAYS,
        "figures": _figures(period, slots),
        "charts": _charts(period, slots),
        "tables": tables,
    }


def _form(request: HttpRequest) -> tuple[OverviewForm, int | None]:
    """Return a form with valid ``cleaned_data``, and the number of days if it was chosen.

    Errors are shown with the figures of the last :data:`DEFAULT_DAYS` days.
    """
    days = next((n for n in CHOICES_OF_DAYS if str(n) == request.GET.get("days")), DEFAULT_DAYS)
    until = timezone.localdate()
    default = {"since": until - dt.timedelta(days=days - 1), "until": until}
    is_range = "since" in request.GET
    data = request.GET if is_range else default | {"agent": request.GET.get("agent", "")}
    form = OverviewForm(data)
    if request.user.has_perm(VIEW_ALL):
        users = islice(backend_for(request).users.records(), MAX_AGENTS)
        agents = {user.id: user.name for user in users}
        form.fields["agent"].widget.choices = [("", _("All agents")), *agents.items()]
    else:
        del form.fields["agent"]
    if form.is_valid():
        return form, None if is_range else days
    form.cleaned_data = default
    return form, None


def _period_url(days: int, agent: str) -> str:
    return f"?{urlencode({'days': days} | ({'agent': agent} if agent else {}))}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Days from ``since`` to ``until``, both included, of one ``agent`` or, if "", of all.

    ``site`` is the admin site of its links.
    """

    site: AdminSite
    since: dt.date
    until: dt.date
    agent: str

    @property
    def begin(self) -> dt.datetime:
        """The start of the first day."""
        return midnight(self.since)

    @property
    def end(self) -> dt.datetime:
        """The end of the last day, excluded."""
        return midnight(self.until + dt.timedelta(days=1))

    @property
    def number_of_days(self) -> int:
        return (self.until - self.since).days + 1

    def first_day_of_part(self, day: dt.date) -> dt.date:
        """Return the first day of the part of the period, by which charts count, with ``day``."""
        if self.number_of_days <= MAX_DAYS_BY_DAY:
            return day
        if self.number_of_days <= MAX_DAYS_BY_WEEK:
            first_weekday = int(get_format("FIRST_DAY_OF_WEEK"))  # 0 is Sunday
            first = day - dt.timedelta(days=(day.isoweekday() - first_weekday) % 7)
        else:
            first = day.replace(day=1)
        return max(first, self.since)

    def parts(self) -> dict[dt.date, Period]:
        """Return the days, weeks or months of the period by their first days."""
        days = [self.since + dt.timedelta(days=number) for number in range(self.number_of_days)]
        last_days = {self.first_day_of_part(day): day for day in days}
        return {
            first: Period(site=self.site, since=first, until=last, agent=self.agent)
            for first, last in last_days.items()
        }

    def part_label(self, first: dt.date) -> str:
        """Return the label of the part that begins with ``first``."""
        by_month = self.number_of_days > MAX_DAYS_BY_WEEK
        return date_format(first, "YEAR_MONTH_FORMAT" if by_month else "MONTH_DAY_FORMAT")

    def url(self, direction: Direction, *, answered: bool, **query: Any) -> str:
        """Return the URL of the answered or unanswered calls in the period."""
        state = STATES[direction][0 if answered else 1]
        agent = {"agent_id": self.agent} if self.agent else {}
        return call_list_url(
            self.site,
            start__gte=self.begin.isoformat(),
            start__lt=self.end.isoformat(),
            direction__exact=direction.value,
            state=state.value,
            **(agent | query),
        )


def _length(time: dt.timedelta) -> str:
    """Return a duration in words, such as "2 hours, 5 minutes"."""
    now = timezone.now()
    return timesince(now - time, now)


def _figures(period: Period, slots: list[Slot]) -> dict[str, Any]:
    """Return the :class:`Counts` of each direction, and the URLs of their calls."""
    figures: dict[str, Any] = {}
    for direction in (INBOUND, OUTBOUND):
        figures[direction.value] = {
            "counts": statistics.total(slots, direction, lambda slot: "").get("", Counts()),
            "answered_url": period.url(direction, answered=True),
            "unanswered_url": period.url(direction, answered=False),
        }
    return figures


def _charts(period: Period, slots: list[Slot]) -> list[Chart]:
    """Return pairs of title and chart. Charts per day are left out for a single day."""
    charts = [_by_hour(period, slots, INBOUND), _by_hour(period, slots, OUTBOUND)]
    if period.since == period.until:
        return charts
    by_day = [_by_day(period, slots, INBOUND), _by_day(period, slots, OUTBOUND)]
    return [*by_day, *charts, *_answer_time(period, slots)]


def _by_day(period: Period, slots: list[Slot], direction: Direction) -> Chart:
    if period.number_of_days <= MAX_DAYS_BY_DAY:
        titles = {INBOUND: _("Inbound calls per day"), OUTBOUND: _("Outbound calls per day")}
    elif period.number_of_days <= MAX_DAYS_BY_WEEK:
        titles = {INBOUND: _("Inbound calls per week"), OUTBOUND: _("Outbound calls per week")}
    else:
        titles = {INBOUND: _("Inbound calls per month"), OUTBOUND: _("Outbound calls per month")}
    parts = period.parts()
    counts = _by_part(period, slots, direction)

    def url(first: dt.date, answered: bool) -> str:
        return parts[first].url(direction, answered=answered)

    rows = [(period.part_label(first), first, counts.get(first)) for first in parts]
    return _stacked(titles[direction], direction, rows, url)


def _by_part(period: Period, slots: list[Slot], direction: Direction) -> dict[dt.date, Counts]:
    return statistics.total(
        slots, direction, lambda slot: period.first_day_of_part(slot.start.date())
    )


def _by_hour(period: Period, slots: list[Slot], direction: Direction) -> Chart:
    titles = {INBOUND: _("Inbound calls by hour"), OUTBOUND: _("Outbound calls by hour")}
    counts = statistics.total(slots, direction, lambda slot: slot.start.hour)

    def url(hour: int, answered: bool) -> str:
        return period.url(direction, answered=answered, hour=hour)

    rows = [(f"{hour}:00", hour, counts.get(hour)) for hour in range(24)]
    return _stacked(titles[direction], direction, rows, url)


def _stacked(
    title: str,
    direction: Direction,
    rows: list[tuple[str, Any, Counts | None]],
    url: Callable[[Any, bool], str],
) -> Chart:
    """Return title and chart of answered and unanswered calls.

    ``rows`` are the label, the key that ``url`` takes, and the counts of each bar.
    """
    answered, unanswered = (str(state.label) for state in STATES[direction])

    series: list[tuple[str, list[Bar | None]]] = [(answered, []), (unanswered, [])]
    for label, key, counts in rows:
        numbers = (counts.answered, counts.unanswered) if counts else (0, 0)
        for (name, values), number in zip(series, numbers, strict=True):
            text = f"{label}: {number} {name}"
            address = url(key, name == answered)
            values.append(Bar(value=number, text=text, url=address) if number else None)
    return title, bars(title, [label for label, _key, _counts in rows], series)


def _answer_time(period: Period, slots: list[Slot]) -> list[Chart]:
    """Return the chart of the average time until inbound calls are answered, if it is known."""
    counts = _by_part(period, slots, INBOUND)
    values: list[Bar | None] = []
    labels = []
    for first, part in period.parts().items():
        labels.append(label := period.part_label(first))
        time = counts[first].answer_time if first in counts else None
        if time is None:
            values.append(None)
            continue
        text = _("%(day)s: %(seconds)s s") % {"day": label, "seconds": round(time, 1)}
        values.append(Bar(value=round(time, 1), text=text, url=part.url(INBOUND, answered=True)))
    title = _("Average time to answer")
    return [(title, bars(title, labels, [(_("seconds"), values)]))] if any(values) else []


def _agent_table(period: Period, agents: statistics.Rows) -> Row:
    """Return the table by agent. It has no rows in the overview of one agent."""
    rows = [
        {
            "name": row["name"] or row["agent"] or _("No agent"),
            "url": _agent_url(period, row["agent"]) if row["agent"] else "",
            "talk_time": duration(row["seconds"]),
            **_cells(period, row, agent_id=row["agent"]),
        }
        for row in statistics.busiest_agents(agents)
    ]
    return {"title": _("Calls by agent"), "heading": _("Agent"), "rows": rows}


def _contact_table(period: Period, calls: QuerySet[Activity]) -> Row:
    rows = [
        {
            "name": row["name"] or _("unnamed contact"),
            "url": object_url(period.site, row["contact_type"], row["contact_id"]),
            **_cells(period, row, **_contact_query(row)),
        }
        for row in statistics.per_contact(calls)
    ]
    return {"title": _("Busiest contacts"), "heading": _("Contact"), "rows": rows}


def _contact_query(row: Row) -> Row:
    """Return the parameters of the list of calls for the contact of a row."""
    type_id = row["contact_type"]
    of_type = {"contact_type": type_id} if type_id else {"contact_type__isnull": "True"}
    return {"contact_id": row["contact_id"], **of_type}


def _agent_url(period: Period, agent: str) -> str:
    return f"?{urlencode({'since': period.since, 'until': period.until, 'agent': agent})}"


def _cells(period: Period, row: Row, **query: Any) -> Row:
    """Return the counts of a row of a table by direction, with the URLs of their calls."""
    cells = {}
    for direction in (INBOUND, OUTBOUND):
        cells[direction.value] = {
            "counts": Counts(
                answered=row[f"{direction}_answered"], unanswered=row[f"{direction}_unanswered"]
            ),
            "answered_url": period.url(direction, answered=True, **query),
            "unanswered_url": period.url(direction, answered=False, **query),
        }
    return cells
