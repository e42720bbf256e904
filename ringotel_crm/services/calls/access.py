"""Access to calls."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from ...backends import Backend
from ...models import Activity

VIEW_ALL = "ringotel_crm.view_activity"
VIEW_OWN = "ringotel_crm.view_own_activity"


def may_view_calls(user: Any) -> bool:
    """Return whether ``user`` may view all calls or their own."""
    return bool(user.has_perm(VIEW_ALL) or user.has_perm(VIEW_OWN))


def visible_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """Return the calls that ``user`` may view: all of the tenant's calls, their own, or none."""
    calls = Activity.objects.all()
    if backend.tenant:
        calls = calls.filter(tenant=backend.tenant)
    if user.has_perm(VIEW_ALL):
        return calls
    if user.has_perm(VIEW_OWN):
        return calls.filter(agent_id__in=backend.users.user_ids_for([user]))
    return calls.none()
