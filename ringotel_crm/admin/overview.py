"""The overview: charts of calls. Each figure links to the calls that it counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ..models.validators import validate_reasonable_year
from ..records import Direction, Status
from ..services.calls import statistics
from ..services.calls.access import visible_calls
from ..templatetags.ringotel import ringotel_length as duration
from .base import backend_for, render_page
from .charts import Bar, bars
from .timeline import call_list_url

MAX_DAYS = 366
DEFAULT_DAYS = 7
# Value of the "direction__in" parameter: all but internal calls, also those without a direction.
OUTSIDE = f"{Direction.INBOUND},{Direction.OUTBOUND},"
STATUSES = {
    "answered": Status.ANSWERED.value,
    "missed": f"{Status.MISSED},{Status.BUSY},{Status.FAILED},{Status.VOICEMAIL}",
}

Row = dict[str, Any]
Rows = list[Row]


class RangeForm(forms.Form):
    """A range of days, both ends included."""

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

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and not dt.timedelta() <= until - since < dt.timedelta(days=MAX_DAYS):
            raise forms.ValidationError(_("Enter a range of at least one day and at most a year."))
        return cleaned


def midnight(day: dt.date) -> dt.datetime:
    """Return the start of ``day`` in the current time zone."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


@require_safe
def overview_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show the last ``?days=`` (1, 7 or 30) days, or the days from ``?since=`` to ``?until=``."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    days = request.GET.get("days", str(DEFAULT_DAYS))
    until = timezone.localdate()
    length = int(days) if days in ("1", "7", "30") else DEFAULT_DAYS
    since = until - dt.timedelta(days=length - 1)
    data = request.GET if "since" in request.GET else None
    form = RangeForm(data, initial={"since": since, "until": until})
    if form.is_valid():
        since, until, days = form.cleaned_data["since"], form.cleaned_data["until"], ""
    period = Period(site=model_admin.admin_site, since=since, until=until)
    calls = visible_calls(backend_for(request), request.user)
    calls = calls.filter(start__gte=period.begin, start__lt=period.end)
    by_day = statistics.per_day(calls, period.begin, period.end)
    context = {
        "title": _("Overview"),
        "form": form,
        "days": days,
        "periods": [("1", _("Today")), ("7", _("7 days")), ("30", _("30 days"))],
        "is_empty": not by_day,
        "answered": sum(row["answered"] for row in by_day),
        "missed": sum(row["missed"] for row in by_day),
        "answered_url": period.url("answered"),
        "missed_url": period.url("missed"),
        # Longer periods have a chart of it.
        "answer_time": by_day[0]["ring"] if by_day and since == until else None,
        "charts": _charts(period, calls, by_day) if by_day else [],
    }
    return render_page(request, model_admin, "overview.html", context)


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Days from ``since`` to ``until``, both included. ``site`` is the admin site of its links."""

    site: AdminSite
    since: dt.date
    until: dt.date

    @property
    def begin(self) -> dt.datetime:
        """The start of the first day."""
        return midnight(self.since)

    @property
    def end(self) -> dt.datetime:
        """The end of the last day, excluded."""
        return midnight(self.until + dt.timedelta(days=1))

    def days(self) -> list[Period]:
        """Return a period per day."""
        count = (self.until - self.since).days + 1
        days = (self.since + dt.timedelta(days=number) for number in range(count))
        return [Period(site=self.site, since=day, until=day) for day in days]

    def url(self, outcome: str, **query: Any) -> str:
        """Return the URL of the calls with ``outcome`` ("answered" or "missed") in the period."""
        return call_list_url(
            self.site,
            start__gte=self.begin.isoformat(),
            start__lt=self.end.isoformat(),
            direction__in=OUTSIDE,
            **query,
            status__in=STATUSES[outcome],
        )

    @property
    def label(self) -> str:
        """The first day."""
        return date_format(self.since, "SHORT_DATE_FORMAT")


def _charts(period: Period, calls: Any, by_day: Rows) -> list[tuple[str, str]]:
    """Return pairs of title and chart. Charts per day are left out for a single day."""
    charts = []
    if period.since < period.until:
        charts.append(_per_day(period, by_day))
    charts += [
        _per_hour(period, statistics.per_hour(calls, period.begin, period.end)),
        _by_agent(period, statistics.per_agent(calls)),
        _by_contact(period, statistics.per_contact(calls)),
    ]
    if period.since < period.until and any(row["ring"] is not None for row in by_day):
        charts.append(_answer_time(period, by_day))
    return charts


def _stacked(
    title: str,
    rows: list[tuple[str, Row | None]],
    url: Callable[[Row, str], str],
    *,
    horizontal: bool = False,
) -> tuple[str, str]:
    """Return title and chart of answered and missed calls. ``rows`` are pairs of label and row."""
    series = []
    for outcome, name in (("answered", _("answered")), ("missed", _("missed"))):
        values = [
            Bar(value=row[outcome], text=f"{label}: {row[outcome]} {name}", url=url(row, outcome))
            if row and row[outcome]
            else None
            for label, row in rows
        ]
        series.append((name, values))
    return title, bars(title, [label for label, _row in rows], series, horizontal=horizontal)


def _per_day(period: Period, by_day: Rows) -> tuple[str, str]:
    rows = {row["day"]: row for row in by_day}
    days = {day.since: day for day in period.days()}
    labelled = [(day.label, rows.get(date)) for date, day in days.items()]
    return _stacked(
        _("Calls per day"), labelled, lambda row, outcome: days[row["day"]].url(outcome)
    )


def _per_hour(period: Period, by_hour: Rows) -> tuple[str, str]:
    rows = {row["hour"]: row for row in by_hour}

    def url(row: Row, outcome: str) -> str:
        return period.url(outcome, hour=row["hour"])

    return _stacked(_("Calls by hour"), [(f"{hour}:00", rows.get(hour)) for hour in range(24)], url)


def _by_agent(period: Period, by_agent: Rows) -> tuple[str, str]:
    def label(row: Row) -> str:
        return f"{row['name'] or row['agent_id']} ({duration(row['seconds'] or 0)})"

    def url(row: Row, outcome: str) -> str:
        return period.url(outcome, agent_id=row["agent_id"])

    return _ranked(_("Calls by agent"), by_agent, label, url)


def _by_contact(period: Period, by_contact: Rows) -> tuple[str, str]:
    def label(row: Row) -> str:
        return row["name"] or _("unnamed contact")

    def url(row: Row, outcome: str) -> str:
        return period.url(outcome, contact_type=row["contact_type"], contact_id=row["contact_id"])

    return _ranked(_("Busiest contacts"), by_contact, label, url)


def _ranked(
    title: str, rows: Rows, label: Callable[[Row], str], url: Callable[[Row, str], str]
) -> tuple[str, str]:
    # pygal draws the first row at the bottom.
    labelled: list[tuple[str, Row | None]] = [(label(row), row) for row in reversed(rows)]
    return _stacked(title, labelled, url, horizontal=True)


def _answer_time(period: Period, by_day: Rows) -> tuple[str, str]:
    """Return title and chart of the average time from the start of a call until its answer."""
    seconds = {row["day"]: row["ring"] for row in by_day if row["ring"] is not None}
    values: list[Bar | None] = []
    for day in period.days():
        value = seconds.get(day.since)
        if value is None:
            values.append(None)
            continue
        rounded = round(value, 1)
        text = _("%(day)s: %(seconds)s s") % {"day": day.label, "seconds": rounded}
        values.append(Bar(value=rounded, text=text, url=day.url("answered")))
    title = _("Average time to answer")
    return title, bars(title, [day.label for day in period.days()], [(_("seconds"), values)])
