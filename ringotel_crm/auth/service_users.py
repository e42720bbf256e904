"""The users that connections act as."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import Permission, PermissionsMixin
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import EmailField
from django.http import HttpRequest
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import databases
from ..backends.users import SERVICE_GROUP, SERVICE_PREFIX, group_model
from ..exceptions import InvalidInput
from .permissions import (
    APP_LABEL,
    CODENAME,
    MODEL_BACKEND,
    PERMISSION,
    UNSUPPORTED,
    has_api_permission,
)

CREATE_USER_HINT = gettext_lazy(
    'Create a user yourself and pass it to "manage.py ringotel_connect --user".'
)
API_BACKEND = "ringotel_crm.auth.backends.ApiPermissionBackend"


def service_user(name: str) -> Any:
    """Return the user ``ringotel-<name>``, creating it if necessary, without a password.

    Its only permission is to use the API: from the group of service users, or from its own
    ``user_permissions`` if the site's groups have no effect. If the username is an e-mail address,
    it is ``ringotel-<name>@service.invalid``.

    Raises ``InvalidInput`` if the username belongs to a user outside the group or to an inactive
    one, if the user model does not support such a user, and if the permission does not exist yet.
    """
    user_model = get_user_model()
    username = _username(name)
    with databases.atomic(user_model):
        try:
            user: Any = user_model._default_manager.get_by_natural_key(username)
            is_new = False
        except ObjectDoesNotExist:
            user, is_new = _create(username), True
        if groups := group_model():
            _join_service_group(user, groups, is_new=is_new)
        _require_active(user)
        user = user_model._base_manager.get(pk=user.pk)  # has_perm() caches permissions
        if not has_api_permission(user) and hasattr(user, "user_permissions"):
            user.user_permissions.add(_permission())
    return user


@databases.fresh_reads()
def set_service_password(user: Any) -> str:
    """Set a new random password and return it.

    Raises ``InvalidInput`` if no authentication backend of the site accepts user name and password.
    """
    password = secrets.token_urlsafe(24)
    user.set_password(password)
    user.save(update_fields=["password"])
    if authenticate(HttpRequest(), username=user.get_username(), password=password) is None:
        reason = _(
            "No backend of AUTHENTICATION_BACKENDS accepts a user name and a password. Use an API "
            "key or OAuth2, or set:"
        )
        lines = _authentication_backends(*settings.AUTHENTICATION_BACKENDS, MODEL_BACKEND)
        raise InvalidInput(f"{reason}\n\n{lines}")
    return password


@databases.fresh_reads()
def grant_api_permission(user: Any) -> None:
    """Give an existing user the permission to use the API.

    Raises ``InvalidInput`` if the user is inactive, if the permission does not exist yet, and as
    :func:`require_api_permission`.
    """
    _require_active(user)
    if not has_api_permission(user) and hasattr(user, "user_permissions"):
        user.user_permissions.add(_permission())
    require_api_permission(user)


@databases.fresh_reads()
def require_api_permission(user: Any) -> None:
    """Raise ``InvalidInput`` if requests of ``user`` would be answered with 403.

    The message contains the reason, and the lines to add to the site.
    """
    user_model: Any = get_user_model()
    user = user_model._base_manager.get(pk=user.pk)  # has_perm() caches permissions
    try:
        if user.has_perm(PERMISSION):
            return
        error = ""
    except UNSUPPORTED as exc:
        error = f"{type(exc).__name__}: {exc}"
    raise InvalidInput(_missing_permission(user, error))


def _missing_permission(user: Any, error: str) -> str:
    """Return why ``user`` does not have the permission, and what to add.

    ``error``: what ``has_perm()`` raised, if anything.
    """
    user_model: Any = get_user_model()
    values = {
        "model": user_model._meta.label,
        "username": user.get_username(),
        "permission": PERMISSION,
        "error": error,
    }
    has_perm = getattr(user_model, "has_perm", None)
    condition = f'perm == "{PERMISSION}" and self.get_username() == "{user.get_username()}"'
    if has_perm is None:
        reason = _(
            "%(model)s has no method has_perm(), so %(username)s cannot have the permission "
            "%(permission)s. Add to the model:"
        )
        lines = f"    def has_perm(self, perm, obj=None):\n        return {condition}"
    elif has_perm is not PermissionsMixin.has_perm:
        reason = _(
            "has_perm() of %(model)s does not return True for %(username)s and %(permission)s. "
            "Add to that method:"
        )
        lines = f"        if {condition}:\n            return True"
    elif error:
        reason = _(
            "The permission %(permission)s of %(username)s cannot be determined, because "
            "has_perm() raises %(error)s. Set:"
        )
        lines = _authentication_backends(API_BACKEND, *settings.AUTHENTICATION_BACKENDS)
    elif not _is_granted(user):
        return _("%(username)s does not have the permission %(permission)s.") % values
    else:
        reason = _(
            "%(username)s has been given the permission %(permission)s, but no backend of "
            "AUTHENTICATION_BACKENDS reads it from user_permissions. Set:"
        )
        lines = _authentication_backends(*settings.AUTHENTICATION_BACKENDS, API_BACKEND)
    return f"{reason % values}\n\n{lines}"


def _authentication_backends(*paths: str) -> str:
    """Return the setting with these ``paths`` as lines of Python."""
    return "\n".join(
        ["    AUTHENTICATION_BACKENDS = [", *(f'        "{path}",' for path in paths), "    ]"]
    )


def _is_granted(user: Any) -> bool:
    permissions = user.user_permissions.filter(content_type__app_label=APP_LABEL)
    return bool(permissions.filter(codename=CODENAME).exists())


def _join_service_group(user: Any, groups: Any, *, is_new: bool) -> None:
    """Add a new ``user`` to the group of service users, with the permission to use the API.

    ``groups``: the group model. Raises ``InvalidInput`` if an existing user is not in the group.
    """
    group, _created = groups._default_manager.get_or_create(name=SERVICE_GROUP)
    if has_permissions(groups):
        group.permissions.set([_permission()])
    if is_new:
        user.groups.add(group)
    elif not user.groups.filter(pk=group.pk).exists():
        raise InvalidInput(
            _("The user %(username)s already exists and is not in the group %(group)s.")
            % {"username": user.get_username(), "group": SERVICE_GROUP}
        )


def has_permissions(groups: Any) -> bool:
    """Return whether groups of this model have Django's permissions."""
    fields = {field.name: field.related_model for field in groups._meta.many_to_many}
    return fields.get("permissions") is Permission


def _username(name: str) -> str:
    user_model = get_user_model()
    is_email = isinstance(user_model._meta.get_field(user_model.USERNAME_FIELD), EmailField)
    slug = slugify(name, allow_unicode=not is_email)
    if slug != name:  # names with the same slug are different users
        slug = f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    # Mail to the domain "invalid" is never delivered (RFC 2606).
    return f"{SERVICE_PREFIX}{slug}@service.invalid" if is_email else f"{SERVICE_PREFIX}{slug}"


def _create(username: str) -> Any:
    user_model = get_user_model()
    user: Any = user_model(**{user_model.USERNAME_FIELD: username})
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as exc:
        message = _("The user %(username)s cannot be created: %(reason)s") % {
            "username": username,
            "reason": " ".join(exc.messages),
        }
        raise InvalidInput(f"{message} {CREATE_USER_HINT}") from exc
    user.save()
    return user


def _require_active(user: Any) -> None:
    if not user.is_active:
        raise InvalidInput(
            _("The user %(username)s is inactive.") % {"username": user.get_username()}
        )


def _permission() -> Permission:
    try:
        return Permission.objects.get(content_type__app_label=APP_LABEL, codename=CODENAME)
    except Permission.DoesNotExist:
        raise InvalidInput(
            _('The permission to use the API does not exist yet. Run "manage.py migrate".')
        ) from None
