"""Follow-ups: selecting them, and marking them as done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ..backends import Backend
from ..backends.users import colleagues
from ..models import Activity, FollowUp
from ..records import ContactReference


def all_follow_ups(backend: Backend) -> QuerySet[FollowUp]:
    """Return the follow-ups of the tenant, done or not."""
    follow_ups = FollowUp.objects.all()
    return follow_ups.filter(tenant=backend.tenant) if backend.tenant else follow_ups


def open_follow_ups(backend: Backend) -> QuerySet[FollowUp]:
    """Return the follow-ups that are not done, the longest overdue first."""
    return all_follow_ups(backend).filter(done_at=None).order_by("due", "pk")


def due_follow_ups(backend: Backend, user: Any) -> QuerySet[FollowUp]:
    """Return the open follow-ups of ``user`` that are due today or overdue."""
    return open_follow_ups(backend).filter(assignee=user, due__lte=timezone.localdate())


def open_follow_ups_for(backend: Backend, contact: ContactReference) -> QuerySet[FollowUp]:
    """Return the open follow-ups on a contact and on the contact's calls."""
    calls = Activity.objects.filter(**contact.lookup).order_by().values("pk")
    return open_follow_ups(backend).filter(Q(**contact.lookup) | Q(activity__in=calls))


def with_follow_ups(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    """Annotate ``calls`` with ``ringotel_follow_up``: whether an open follow-up is on the call."""
    follow_ups = FollowUp.objects.filter(activity=OuterRef("pk"), done_at=None)
    return calls.annotate(ringotel_follow_up=Exists(follow_ups))


def add_to_calls(
    calls: Iterable[Activity], text: str, *, assignee: Any, **values: Any
) -> list[FollowUp]:
    """Add a follow-up of ``assignee``, who also creates it, to each of ``calls``."""
    return FollowUp.objects.bulk_create(
        FollowUp(
            activity=call,
            tenant=call.tenant,
            text=text,
            assignee=assignee,
            created_by=assignee,
            **values,
        )
        for call in calls
    )


def mark_done(follow_ups: QuerySet[FollowUp], user: Any) -> int:
    """Mark those that are not done as done by ``user``, and return their number."""
    return follow_ups.filter(done_at=None).update(done_at=timezone.now(), done_by=user)


def reopen(follow_ups: QuerySet[FollowUp]) -> int:
    """Undo :func:`mark_done` and return the number of follow-ups that were done."""
    return follow_ups.exclude(done_at=None).update(done_at=None, done_by=None)


def assignable_users(backend: Backend, user: Any) -> QuerySet[Any]:
    """Return the users to whom ``user`` may assign follow-ups: the colleagues of the tenant."""
    users = colleagues()
    if backend.tenant:
        users = users.filter(Q(ringotel_agent__tenant=backend.tenant) | Q(pk=user.pk))
    return users.order_by(get_user_model().USERNAME_FIELD)
