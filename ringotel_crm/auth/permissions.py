"""The permission to use the API, and what the authenticators share: reading a header, loading a
user, failing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.core.exceptions import FieldError
from django.db import connections, router
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ..models import ApiKey
from ..records import Actor

PERMISSION = "ringotel_crm.use_api"
APP_LABEL, CODENAME = PERMISSION.split(".")
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"

# Raised if the user model has no has_perm(), or if an authentication backend does not support the
# model: Django's own raises ValueError for groups of another model.
UNSUPPORTED = (AttributeError, FieldError, TypeError, ValueError)

logger = logging.getLogger(__name__)

# Attribute of a user object that holds the result of may_use_api().
CACHED_ATTRIBUTE = "_ringotel_may_use_api"


class MayUseApi(BasePermission):
    """Allow active users with the permission ``ringotel_crm.use_api``; staff need it too."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Run no query for a user loaded by one of our authenticators."""
        user: Any = request.user  # None where the site sets UNAUTHENTICATED_USER to None
        return user is not None and may_use_api(user)


def get_actor(request: Request) -> Actor:
    """Return the user and tenant that ``request`` acts as. Only API keys have a tenant."""
    tenant = request.auth.tenant if isinstance(request.auth, ApiKey) else ""
    return Actor(user=request.user, tenant=tenant, request=request._request)


def may_use_api(user: Any, *, granted: bool = False) -> bool:
    """Return whether ``user`` is active and has the permission. Evaluated once for each user
    object.

    ``granted``: the value of :func:`has_permission_expr`, if it was queried.
    """
    if not hasattr(user, CACHED_ATTRIBUTE):
        allowed = user.is_active and (granted or has_api_permission(user))
        setattr(user, CACHED_ATTRIBUTE, allowed)
    return bool(getattr(user, CACHED_ATTRIBUTE))


def has_api_permission(user: Any) -> bool:
    """Return ``user.has_perm("ringotel_crm.use_api")``.

    The result is ``False``, with an entry in the log, if that is not supported.
    """
    try:
        return bool(user.has_perm(PERMISSION))
    except UNSUPPORTED:
        logger.exception("The permission %s of a user cannot be determined.", PERMISSION)
        return False


def authentication_failed() -> AuthenticationFailed:
    """Return the error of every failed authentication: it does not reveal whether the user or the
    secret was wrong.
    """
    return AuthenticationFailed(_("Invalid credentials."))


@sensitive_variables("words")
def read_credential(request: Request, scheme: str) -> str | None:
    """Return the credential of the ``Authorization`` header; ``None`` if it has another scheme or
    is missing.

    ``scheme`` is in lower case. Raises ``AuthenticationFailed`` unless the credential is one word
    of printable ASCII.
    """
    words = request.headers.get("Authorization", "").split()
    if not words or words[0].lower() != scheme:
        return None
    if len(words) != 2 or not (words[1].isascii() and words[1].isprintable()):
        raise authentication_failed()
    return words[1]


@cache
def _permission_key(schema: str) -> int:
    return Permission.objects.values_list("pk", flat=True).get(
        content_type__app_label=APP_LABEL, codename=CODENAME
    )


def permission_key() -> int:
    """Return the primary key of the permission; 0 before it exists.

    It is queried once per process and schema: with a schema per tenant, django-tenants sets
    ``schema_name`` of the connection, and another permission may have this key in another schema.
    """
    try:
        connection = connections[router.db_for_read(Permission)]
        return _permission_key(getattr(connection, "schema_name", ""))
    except Permission.DoesNotExist:
        return 0


def clear_permission_cache(**kwargs: Any) -> None:
    """Receiver of ``post_migrate``: the primary key may have changed."""
    _permission_key.cache_clear()


def has_permission_expr(user: str) -> Q | Value:
    """Return a query expression: whether the user at the path ``user`` has the permission for
    certain.

    It has the value that :class:`~django.contrib.auth.backends.ModelBackend` would return, if that
    is the first authentication backend of a site with Django's own ``has_perm()``. Otherwise it is
    ``False``, and only ``user.has_perm()`` can decide.
    """
    if not _is_standard():
        return Value(False)
    user_model: Any = get_user_model()
    # By primary key and with few joins: for this query, planning takes longer than executing.
    pk = permission_key()
    groups = Group.permissions.through.objects.filter(permission=pk).values("group")
    by_user = {user_model._meta.get_field("user_permissions").m2m_field_name(): OuterRef(user)}
    by_group = {user_model._meta.get_field("groups").m2m_field_name(): OuterRef(user)}
    user_permissions = user_model.user_permissions.through.objects
    memberships = user_model.groups.through.objects
    return Q(Exists(user_permissions.filter(**by_user, permission=pk))) | Q(
        Exists(memberships.filter(**by_group, group__in=groups))
    )


def _is_standard() -> bool:
    """Return whether ``has_perm()`` certainly asks Django's own backend, about Django's groups."""
    user_model: Any = get_user_model()
    if getattr(user_model, "has_perm", None) is not PermissionsMixin.has_perm:
        return False
    groups, permissions = map(user_model._meta.get_field, ("groups", "user_permissions"))
    has_standard_fields = (groups.related_model, permissions.related_model) == (Group, Permission)
    return has_standard_fields and [*settings.AUTHENTICATION_BACKENDS][:1] == [MODEL_BACKEND]


def user_fields(*more: str) -> list[Any]:
    """Return the fields that identify a user and decide about the permission, and the fields named
    ``more``.

    They are in the order of ``Model.from_db``.
    """
    model = get_user_model()
    names = {"is_active", "is_superuser", model.USERNAME_FIELD, *more}
    return [
        field for field in model._meta.concrete_fields if field.primary_key or field.name in names
    ]


def annotate_user(
    rows: QuerySet[Any], path: str, *columns: str, more: Sequence[str] = ()
) -> QuerySet[Any, Any]:
    """Return ``rows`` as tuples of ``columns``, ``granted``, and the fields of a user that
    :func:`load_user` needs.

    ``path``: the relation to the user; "pk" if the rows are users. ``more``: further fields of the
    user.

    This authenticates and authorizes a request with one query. Example::

        keys = ApiKey.objects.filter(digest="5e88...")
        query = CompiledQuery(lambda: annotate_user(keys, "user", "pk", "tenant"))

    The SQL selects the key, whether its user has the permission, and the user::

        SELECT key.id, key.tenant,
               (EXISTS (user_permissions ...) OR EXISTS (groups ...)) AS granted,
               user.id, user.is_superuser, user.username, user.is_active
        FROM key INNER JOIN user ON key.user_id = user.id WHERE key.digest = '5e88...'

    A row, and the user loaded from it without another query, its other fields deferred::

        row = Row(pk=7, tenant="north", granted=True,
                  user__id=3, user__is_superuser=False, user__username="agnes",
                  user__is_active=True)
        load_user("default", row, "user")  ->  <User: agnes>, for whom may_use_api() is True
    """
    names = [_column(path, field) for field in user_fields(*more)]
    tuples: QuerySet[Any, Any] = (
        rows.order_by()
        .annotate(granted=has_permission_expr(path))
        .values_list(*columns, "granted", *names)
    )
    return tuples


def load_user(using: str, row: Any, path: str, more: Sequence[str] = ()) -> Any:
    """Return the user in a ``row`` of :func:`annotate_user`, given the same ``path`` and ``more``.

    The other fields of the user are loaded from the database ``using`` on access.
    """
    fields = user_fields(*more)
    values = [field.to_python(getattr(row, _column(path, field))) for field in fields]
    user = get_user_model().from_db(using, [field.attname for field in fields], values)
    may_use_api(user, granted=bool(row.granted))
    return user


def query_cache_key() -> tuple[Any, ...]:
    """Return what :func:`annotate_user` depends on, as the ``variant`` of a compiled query."""
    return (permission_key(), settings.AUTH_USER_MODEL, *settings.AUTHENTICATION_BACKENDS)


def _column(path: str, field: Any) -> str:
    return str(field.name) if path == "pk" else f"{path}__{field.name}"
