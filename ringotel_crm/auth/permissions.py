"""What the three ways of authentication share: reading the header, the permission, and one word for every refusal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, PermissionsMixin
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

PERMISSION = "ringotel_crm.use_api"
APP_LABEL, CODENAME = PERMISSION.split(".")
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
CACHED_ATTRIBUTE = "_ringotel_may_use_api"


def authentication_failed() -> AuthenticationFailed:
    """The same for a stranger, a wrong secret, an expired one, and somebody who lacks the permission."""
    return AuthenticationFailed(_("The credentials are not valid."))


@sensitive_variables("words")
def read_credential(request: Request, scheme: str) -> str | None:
    """What the ``Authorization`` header says after ``scheme`` (lower case); None if there is another scheme or none.

    Raises :func:`refused` for anything but one word of visible ASCII.
    """
    words = request.headers.get("Authorization", "").split()
    if not words or words[0].lower() != scheme:
        return None
    if len(words) != 2 or not (words[1].isascii() and words[1].isprintable()):
        raise authentication_failed()
    return words[1]


@cache
def _permission_pk() -> int:
    return Permission.objects.values_list("pk", flat=True).get(
        content_type__app_label=APP_LABEL, codename=CODENAME
    )


def permission_pk() -> int:
    """The primary key of our permission, asked for once in a process; 0 before it exists."""
    try:
        return _permission_pk()
    except Permission.DoesNotExist:
        return 0


def clear_permission_cache(**kwargs: Any) -> None:
    """After migrations it may be another one."""
    _permission_pk.cache_clear()


def has_permission_expr(user: str) -> Q | Value:
    """An expression for queries: whether the user at the path ``user`` certainly has the permission.

    It is :class:`~django.contrib.auth.backends.ModelBackend`'s yes, where this backend is asked first.
    Otherwise it is False, and ``user.has_perm()`` has to tell.
    """
    user_model: Any = get_user_model()
    plain = getattr(user_model, "has_perm", None) is PermissionsMixin.has_perm
    if not plain or list(settings.AUTHENTICATION_BACKENDS)[:1] != [MODEL_BACKEND]:
        return Value(False)
    # By key and with few joins: a database plans longer than it searches.
    groups = Group.permissions.through.objects.filter(permission=permission_pk()).values("group")
    own = {user_model._meta.get_field("user_permissions").m2m_field_name(): OuterRef(user)}
    by_group = {user_model._meta.get_field("groups").m2m_field_name(): OuterRef(user)}
    return Q(
        Exists(
            user_model.user_permissions.through.objects.filter(**own, permission=permission_pk())
        )
    ) | Q(Exists(user_model.groups.through.objects.filter(**by_group, group__in=groups)))


def user_columns(*more: str) -> list[Any]:
    """What has to be read of a user to tell who it is and what it may do, and the fields called ``more``, in the order
    of ``Model.from_db``."""
    model = get_user_model()
    names = {"is_active", "is_superuser", model.USERNAME_FIELD, *more}
    return [
        field for field in model._meta.concrete_fields if field.primary_key or field.name in names
    ]


def annotate_user(
    rows: QuerySet[Any], path: str, *columns: str, more: Sequence[str] = ()
) -> QuerySet[Any, Any]:
    """``rows`` as tuples of these columns and of what :func:`user_from` takes; ``path`` leads to the user, "pk" if the
    rows are users."""
    prefix = "" if path == "pk" else f"{path}__"
    names = [f"{prefix}{field.name}" for field in user_columns(*more)]
    told: QuerySet[Any, Any] = (
        rows.order_by()
        .annotate(granted=has_permission_expr(path))
        .values_list(*columns, "granted", *names)
    )
    return told


def load_user(using: str, columns: Sequence[Any], more: Sequence[str] = ()) -> Any:
    """The user in the columns of :func:`with_user`, as the driver gave them; its other fields load when asked for."""
    fields = user_columns(*more)
    values = [field.to_python(column) for field, column in zip(fields, columns[1:], strict=True)]
    user = get_user_model().from_db(using, [field.attname for field in fields], values)
    may_use_api(user, granted=bool(columns[0]))
    return user


def query_cache_key() -> tuple[Any, ...]:
    """What :func:`with_user` depends on, for :meth:`PreparedQuery.rows`."""
    return (permission_pk(), settings.AUTH_USER_MODEL, *settings.AUTHENTICATION_BACKENDS)


def may_use_api(user: Any, *, granted: bool = False) -> bool:
    """Whether ``user`` is active and has the permission. Asked once for each user object.

    ``granted`` is what the expression of that name told.
    """
    if not hasattr(user, CACHED_ATTRIBUTE):
        allowed = user.is_active and (granted or user.has_perm(PERMISSION))
        setattr(user, CACHED_ATTRIBUTE, allowed)
    return bool(getattr(user, CACHED_ATTRIBUTE))
