"""Calls in pictures. Each figure is a link to the calls behind it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
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
from .base import backend_for
from .charts import Bar, bars
from .contacts import call_list_url

MAX_DAYS = 366
OUTSIDE = f"{Direction.INBOUND},{Direction.OUTBOUND},"  # and those of which it is not known
MISSED = f"{Status.MISSED},{Status.BUSY},{Status.FAILED},{Status.VOICEMAIL}"


class RangeForm(forms.Form):
    """From one day to another, both included."""

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
        """In order, and not endless."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and not dt.timedelta() <= until - since < dt.timedelta(days=MAX_DAYS):
            raise forms.ValidationError(_("The range is at least one day and at most a year."))
        return cleaned


def midnight(day: dt.date) -> dt.datetime:
    """In the current zone."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


@require_safe
def overview_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Today, or as ``?days=`` or ``?since=&until=`` say."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    today = timezone.localdate()
    days = request.GET.get("days", "7")
    since, until = today - dt.timedelta(days={"1": 0, "30": 29}.get(days, 6)), today
    form = RangeForm(
        request.GET if "since" in request.GET else None, initial={"since": since, "until": until}
    )
    if form.is_valid():
        since, until, days = form.cleaned_data["since"], form.cleaned_data["until"], ""
    begin, end = midnight(since), midnight(until + dt.timedelta(days=1))
    calls = visible_calls(backend_for(request), request.user).filter(
        start__gte=begin, start__lt=end
    )
    by_day = statistics.per_day(calls)
    charts: list[tuple[str, str]] = []
    if by_day:
        # A single day has nothing to compare: its one bar would say what the totals say.
        is_longer = since < until
        charts = [
            (_("Calls per day"), _days(by_day, since, until) if is_longer else ""),
            (_("Calls per hour of the day"), _hours(statistics.per_hour(calls), begin, end)),
            (_("Calls by agent"), _agents(statistics.per_agent(calls), begin, end)),
            (_("Busiest contacts"), _contacts(statistics.per_contact(calls), begin, end)),
            (
                _("Seconds until an answer, on average"),
                _ringing(by_day, since, until) if is_longer else "",
            ),
        ]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Overview"),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "form": form,
        "days": days,
        "periods": [("1", _("Today")), ("7", _("7 days")), ("30", _("30 days"))],
        "is_empty": not by_day,
        "answered": sum(row["answered"] for row in by_day),
        "missed": sum(row["missed"] for row in by_day),
        "answered_url": _url(begin, end, "answered"),
        "missed_url": _url(begin, end, "missed"),
        "ring": by_day[0]["ring"] if by_day and since == until else None,
        "charts": [(title, chart) for title, chart in charts if chart],
    }
    return render(request, "admin/ringotel_crm/overview.html", context)


def _url(begin: dt.datetime, end: dt.datetime, outcome: str = "", **more: Any) -> str:
    statuses = {"answered": Status.ANSWERED.value, "missed": MISSED}.get(outcome)
    query = {
        "start__gte": begin.isoformat(),
        "start__lt": end.isoformat(),
        "direction__in": OUTSIDE,
        **more,
    }
    return call_list_url(**query, **({"status__in": statuses} if statuses else {}))


def _outcomes() -> list[tuple[str, str]]:
    return [("answered", _("answered")), ("missed", _("missed"))]


def _all_days(since: dt.date, until: dt.date) -> list[dt.date]:
    return [since + dt.timedelta(days=number) for number in range((until - since).days + 1)]


def _pair(row: dict[str, Any] | None, outcome: str, name: str, label: str, url: str) -> Bar | None:
    if not row or not row[outcome]:
        return None
    return Bar(value=row[outcome], text=f"{label}: {row[outcome]} {name}", url=url)


def _days(rows: list[dict[str, Any]], since: dt.date, until: dt.date) -> str:
    by_day = {row["day"]: row for row in rows}
    days = _all_days(since, until)
    labels = [date_format(day, "SHORT_DATE_FORMAT") for day in days]
    series = [
        (
            name,
            [
                _pair(
                    by_day.get(day),
                    outcome,
                    name,
                    label,
                    _url(midnight(day), midnight(day + dt.timedelta(days=1)), outcome),
                )
                for day, label in zip(days, labels, strict=True)
            ],
        )
        for outcome, name in _outcomes()
    ]
    return bars(_("Calls per day"), labels, series)


def _hours(rows: list[dict[str, Any]], begin: dt.datetime, end: dt.datetime) -> str:
    by_hour = {row["hour"]: row for row in rows}
    labels = [f"{hour}:00" for hour in range(24)]
    series = [
        (
            name,
            [
                _pair(
                    by_hour.get(hour),
                    outcome,
                    name,
                    labels[hour],
                    _url(begin, end, outcome, start__hour=hour),
                )
                for hour in range(24)
            ],
        )
        for outcome, name in _outcomes()
    ]
    return bars(_("Calls per hour of the day"), labels, series)


def _agents(rows: list[dict[str, Any]], begin: dt.datetime, end: dt.datetime) -> str:
    labels = [f"{row['name'] or row['agent_id']} ({duration(row['seconds'] or 0)})" for row in rows]
    return _ranked(
        _("Calls by agent"), rows, labels, lambda row: {"agent_id": row["agent_id"]}, begin, end
    )


def _contacts(rows: list[dict[str, Any]], begin: dt.datetime, end: dt.datetime) -> str:
    labels = [row["name"] or row["contact_id"] for row in rows]

    def query(row: dict[str, Any]) -> dict[str, Any]:
        return {"contact_type": row["contact_type"], "contact_id": row["contact_id"]}

    return _ranked(_("Busiest contacts"), rows, labels, query, begin, end)


def _ranked(
    title: str,
    rows: list[dict[str, Any]],
    labels: list[str],
    query: Any,
    begin: dt.datetime,
    end: dt.datetime,
) -> str:
    # pygal draws the first at the bottom.
    pairs = [*zip(rows, labels, strict=True)][::-1]
    series = [
        (
            name,
            [
                _pair(row, outcome, name, label, _url(begin, end, outcome, **query(row)))
                for row, label in pairs
            ],
        )
        for outcome, name in _outcomes()
    ]
    return bars(title, labels[::-1], series, horizontal=True)


def _ringing(rows: list[dict[str, Any]], since: dt.date, until: dt.date) -> str:
    by_day = {row["day"]: row["ring"] for row in rows}
    days = _all_days(since, until)
    labels = [date_format(day, "SHORT_DATE_FORMAT") for day in days]
    values = [
        None
        if by_day.get(day) is None
        else Bar(
            value=round(by_day[day], 1),
            text=_("%(day)s: %(seconds)s s") % {"day": label, "seconds": round(by_day[day], 1)},
            url=_url(midnight(day), midnight(day + dt.timedelta(days=1)), "answered"),
        )
        for day, label in zip(days, labels, strict=True)
    ]
    if not any(values):
        return ""
    return bars(_("Seconds until an answer, on average"), labels, [(_("seconds"), values)])
