"""The users that connections act as."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.db.models import EmailField
from django.utils.text import slugify

from ..backends.users import SERVICE_GROUP
from ..exceptions import InvalidInput
from .permissions import APP_LABEL, CODENAME, PERMISSION

CREATE_USER_HINT = 'make a user yourself, and name it with "manage.py ringotel_connect --user"'


def service_user(name: str) -> Any:
    """The user ``ringotel-<name>``, made if there is none: without a password, and permitted to use the API only.

    Where users are called by their e-mail address, ``ringotel-<name>@service.invalid``.

    Raises ``Invalid`` if that name is somebody else's, or the site's user model cannot have such a user.
    """
    user_model = get_user_model()
    if not hasattr(user_model, "groups"):
        raise InvalidInput(f"Users of {user_model._meta.label} have no groups: {CREATE_USER_HINT}.")
    by_email = isinstance(user_model._meta.get_field(user_model.USERNAME_FIELD), EmailField)
    slug = slugify(name, allow_unicode=not by_email)
    if slug != name:  # two names that look alike are two users
        slug = f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    username = (
        f"ringotel-{slug}{'@service.invalid' if by_email else ''}"  # a domain that no mail goes to
    )
    with transaction.atomic():
        group, _created = Group.objects.get_or_create(name=SERVICE_GROUP)
        group.permissions.set([_permission()])
        try:
            user: Any = user_model._default_manager.get_by_natural_key(username)
        except ObjectDoesNotExist:
            user = _create(username)
            user.groups.add(group)
        if group not in user.groups.all():
            raise InvalidInput(
                f"There is already a user {username!r}, who is not in the group {SERVICE_GROUP!r}."
            )
    _require_active(user)
    return user


def set_service_password(user: Any) -> str:
    """Give the user a new random password, returned once, here."""
    password = secrets.token_urlsafe(24)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def grant_api_permission(user: Any) -> None:
    """Permit an existing user to use the API. Raises ``Invalid`` where Django's permissions cannot."""
    _require_active(user)
    if user.has_perm(PERMISSION):
        return
    if not hasattr(user, "user_permissions"):
        raise InvalidInput(
            f"Users of {user._meta.label} have no permissions of their own: let its has_perm(), or one of the "
            f'AUTHENTICATION_BACKENDS, say yes to "{PERMISSION}".'
        )
    user.user_permissions.add(_permission())


def _create(username: str) -> Any:
    user_model = get_user_model()
    user: Any = user_model(**{user_model.USERNAME_FIELD: username})
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as exc:
        raise InvalidInput(
            f"{user_model._meta.label} does not take a user who is only called {username!r} "
            f"({'; '.join(exc.messages)}): {CREATE_USER_HINT}."
        ) from exc
    user.save()
    return user


def _require_active(user: Any) -> None:
    if not user.is_active:
        raise InvalidInput(f"The user {user.get_username()!r} is deactivated.")


def _permission() -> Permission:
    try:
        return Permission.objects.get(content_type__app_label=APP_LABEL, codename=CODENAME)
    except Permission.DoesNotExist:
        raise InvalidInput(
            'The permission to use the API does not exist yet: type "manage.py migrate".'
        ) from None
