"""Which calls a user may see."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from ...backends import Backend
from ...models import Activity

VIEW_ALL = "ringotel_crm.view_activity"
VIEW_OWN = "ringotel_crm.view_own_activity"


def may_view_calls(user: Any) -> bool:
    """Whether ``user`` may see any calls at all."""
    return bool(user.has_perm(VIEW_ALL) or user.has_perm(VIEW_OWN))


def visible_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """The calls that ``user`` may see: all of the tenant's, only those he or she took, or none."""
    calls = Activity.objects.all()
    if backend.tenant:
        calls = calls.filter(tenant=backend.tenant)
    if user.has_perm(VIEW_ALL):
        return calls
    return (
        calls.filter(agent_id__in=backend.users.user_ids_for([user]))
        if user.has_perm(VIEW_OWN)
        else calls.none()
    )
