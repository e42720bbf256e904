"""The users that connections act as."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import EmailField
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import databases
from ..backends.users import SERVICE_GROUP
from ..exceptions import InvalidInput
from .permissions import APP_LABEL, CODENAME, PERMISSION

CREATE_USER_HINT = gettext_lazy(
    'Create a user yourself and pass it to "manage.py ringotel_connect --user".'
)


def service_user(name: str) -> Any:
    """Return the user ``ringotel-<name>``, creating it if necessary, without a password.

    Its only permission is to use the API, from a group. If the username is an e-mail address, it is
    ``ringotel-<name>@service.invalid``.

    Raises ``InvalidInput`` if the username belongs to a user outside the group or to an inactive
    one, if the user model does not support such a user, and if the permission does not exist yet.
    """
    user_model = get_user_model()
    if not hasattr(user_model, "groups"):
        message = _("Users of %(model)s have no groups.") % {"model": user_model._meta.label}
        raise InvalidInput(f"{message} {CREATE_USER_HINT}")
    username = _username(name)
    with databases.atomic(user_model):
        group, _created = Group.objects.get_or_create(name=SERVICE_GROUP)
        group.permissions.set([_permission()])
        try:
            user: Any = user_model._default_manager.get_by_natural_key(username)
        except ObjectDoesNotExist:
            user = _create(username)
            user.groups.add(group)
        if group not in user.groups.all():
            raise InvalidInput(
                _("The user %(username)s already exists and is not in the group %(group)s.")
                % {"username": username, "group": SERVICE_GROUP}
            )
    _require_active(user)
    return user


def set_service_password(user: Any) -> str:
    """Set a new random password and return it."""
    password = secrets.token_urlsafe(24)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def grant_api_permission(user: Any) -> None:
    """Give an existing user the permission to use the API.

    Raises ``InvalidInput`` if the user is inactive, if its model has no permissions, and if the
    permission does not exist yet.
    """
    _require_active(user)
    if user.has_perm(PERMISSION):
        return
    if not hasattr(user, "user_permissions"):
        raise InvalidInput(
            _(
                "Users of %(model)s have no permissions. Return True for %(permission)s in its "
                "has_perm(), or in a backend of AUTHENTICATION_BACKENDS."
            )
            % {"model": user._meta.label, "permission": PERMISSION}
        )
    user.user_permissions.add(_permission())


def _username(name: str) -> str:
    user_model = get_user_model()
    is_email = isinstance(user_model._meta.get_field(user_model.USERNAME_FIELD), EmailField)
    slug = slugify(name, allow_unicode=not is_email)
    if slug != name:  # names with the same slug are different users
        slug = f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    # Mail to the domain "invalid" is never delivered (RFC 2606).
    return f"ringotel-{slug}@service.invalid" if is_email else f"ringotel-{slug}"


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
