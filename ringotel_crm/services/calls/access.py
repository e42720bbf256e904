"""Access to calls."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.utils.translation import gettext as _

from ...backends import Backend
from ...internal.permissions import has_perm
from ...models import Activity, CallLeg

VIEW_ALL = "ringotel_crm.view_activity"
VIEW_OWN = "ringotel_crm.view_own_activity"
VIEW_CONTACT = "ringotel_crm.view_contact_activity"

# The name of VIEW_OWN, as the admin lists it.
VIEW_OWN_NAME = "Can view own calls"

# Calls that others took, but for which a phone of the user rang: statistics select up to this
# number by primary key.
MAX_COUNTED = 10_000

# The latest legs of a user whose calls are looked up by primary key.
MAX_LEGS = 2000
# By how much the clock of a telephone system may be ahead.
CLOCK_SKEW = dt.timedelta(days=1)


def may_view_calls(user: Any) -> bool:
    """Return whether ``user`` may view all calls or their own."""
    return has_perm(user, VIEW_ALL) or has_perm(user, VIEW_OWN)


def whom_to_ask(permission_name: str) -> str:
    """Return the advice to a user who lacks a permission."""
    text = _("Ask an administrator for the permission “%(name)s”.")
    return text % {"name": permission_name}


def visible_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """Return the calls that ``user`` may view: all of the tenant's calls, their own, or none."""
    if has_perm(user, VIEW_ALL):
        return all_calls(backend)
    return own_calls(backend, user) if has_perm(user, VIEW_OWN) else Activity.objects.none()


def own_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """Return the calls that ``user`` took, and those for which a phone of ``user`` rang.

    A database reads them in the order that the caller of this function requires, and looks up the
    legs of each call by index. The condition is a subquery for one row, because MariaDB would read
    all legs of ``user`` first for ``EXISTS``.
    """
    ids = backend.users.user_ids_for([user])
    leg = CallLeg.objects.filter(activity=OuterRef("pk"), agent_id__in=ids).order_by()
    rang = IsNull(Subquery(leg.values("pk")[:1]), False)
    return all_calls(backend).filter(Q(agent_id__in=ids) | Q(rang))


def calls_between(
    backend: Backend, user: Any, begin: dt.datetime, end: dt.datetime
) -> QuerySet[Activity]:
    """Return the same calls as :func:`visible_calls` that start at or after ``begin`` and before
    ``end``, for statistics: the calls of a user are found by index, and not among all calls of the
    period.

    The keys of up to :data:`MAX_COUNTED` calls that others took, but for which a phone of ``user``
    rang, are read first by another query.
    """
    calls = all_calls(backend).filter(start__gte=begin, start__lt=end)
    if user.has_perm(VIEW_ALL):
        return calls
    if not user.has_perm(VIEW_OWN):
        return calls.none()
    own: Any = {"agent_id__in": backend.users.user_ids_for([user])}
    legs = CallLeg.objects.order_by().filter(**own).values("activity")
    rang = calls.filter(pk__in=legs).exclude(**own).order_by().values_list("pk", flat=True)
    keys = list(rang[: MAX_COUNTED + 1])
    return calls.filter(Q(**own) | Q(pk__in=keys if len(keys) <= MAX_COUNTED else legs))


def own_conditions(backend: Backend, user: Any, since: dt.datetime | None = None) -> list[Q]:
    """Return two conditions, each with an index: every call that ``user`` may view, and that starts
    at or after ``since``, meets one of them. Empty for a user who may view all calls.

    Lists look the calls up by each. With ``or``, as in :func:`own_calls`, a database reads the
    calls of all users in the order of the list until it has found enough.
    """
    if has_perm(user, VIEW_ALL):
        return []
    own: Any = {"agent_id__in": backend.users.user_ids_for([user])}
    legs = CallLeg.objects.filter(**own).order_by("-activity").values_list("activity", flat=True)
    rang: Any = legs.order_by()
    if since is not None:
        latest = list(legs[:MAX_LEGS])
        # A row is created when its call starts, or later. So if the last of these calls is older
        # than the period, the calls of all other legs are too.
        old = Activity.objects.filter(pk__in=latest[-1:], created_at__lt=since - CLOCK_SKEW)
        if len(latest) < MAX_LEGS or old.exists():
            rang = latest
    return [Q(**own), Q(pk__in=rang)]


def may_view_contact_calls(user: Any) -> bool:
    """Return whether ``user`` may view all calls of a contact, on the page of the contact."""
    has_own = has_perm(user, VIEW_OWN) and has_perm(user, VIEW_CONTACT)
    return has_perm(user, VIEW_ALL) or has_own


def contact_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """Return the calls that ``user`` may view among those of one contact."""
    return all_calls(backend) if may_view_contact_calls(user) else visible_calls(backend, user)


def all_calls(backend: Backend) -> QuerySet[Activity]:
    """Return the calls of the tenant."""
    calls = Activity.objects.all()
    return calls.filter(tenant=backend.tenant) if backend.tenant else calls
