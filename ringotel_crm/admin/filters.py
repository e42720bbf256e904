"""What the list of calls can be narrowed to."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import Activity
from .base import backend_for

AGENTS_OFFERED = 100

Choices = list[tuple[str, Any]]
Calls = QuerySet[Activity]


def start_of_day(days_ago: int = 0) -> dt.datetime:
    """Midnight in the current zone."""
    day = timezone.localdate() - dt.timedelta(days=days_ago)
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


class DateFilter(admin.SimpleListFilter):
    """When."""

    title = _("start")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The last days."""
        return [
            ("today", _("Today")),
            ("yesterday", _("Yesterday")),
            ("7", _("Past 7 days")),
            ("30", _("Past 30 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        """From a midnight on."""
        match self.value():
            case "today":
                return queryset.filter(start__gte=start_of_day())
            case "yesterday":
                return queryset.filter(start__gte=start_of_day(1), start__lt=start_of_day())
            case "7" | "30" as days:
                return queryset.filter(start__gte=start_of_day(int(days) - 1))
        return queryset


class AgentFilter(admin.SimpleListFilter):
    """Whose phone it was."""

    title = _("agent")
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The people who take calls."""
        people = islice(backend_for(request).users.records(), AGENTS_OFFERED)
        return [
            ("me", _("My calls")),
            ("none", _("Nobody")),
            *((user.id, user.name) for user in people),
        ]

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        """By the id that the CRM has for the person."""
        match self.value():
            case None:
                return queryset
            case "me":
                return queryset.filter(
                    agent_id__in=backend_for(request).users.user_ids_for([request.user])
                )
            case "none":
                return queryset.filter(agent_id="")
            case id:
                return queryset.filter(agent_id=id)


class BooleanListFilter(admin.SimpleListFilter):
    """A question with two answers. ``lookup`` is what holds for "yes"."""

    lookup: dict[str, Any] = {}
    answers: tuple[Any, Any] = (_("Yes"), _("No"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        """The two."""
        return [("yes", self.answers[0]), ("no", self.answers[1])]

    def queryset(self, request: HttpRequest, queryset: Calls) -> Calls:
        """One of them."""
        match self.value():
            case "yes":
                return queryset.filter(**self.lookup)
            case "no":
                return queryset.exclude(**self.lookup)
        return queryset


class HasContact(BooleanListFilter):
    """Whether it is known who that was."""

    title = _("contact")
    parameter_name = "unassigned"
    lookup = {"contact_id": ""}
    answers = (_("Unassigned"), _("Known contact"))


class HasRecording(BooleanListFilter):
    """Whether there is something to hear."""

    title = _("recording")
    parameter_name = "recorded"
    lookup = {"recording__deletion_started": False}
    answers = (_("Recorded"), _("Not recorded"))


class FollowUpFilter(BooleanListFilter):
    """Whether somebody has to come back to it."""

    title = _("follow up")
    parameter_name = "follow_up"
    lookup = {"follow_up": True}
