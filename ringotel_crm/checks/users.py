"""Checks of the user model and of the authentication backends."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_backends, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, PermissionsMixin
from django.core.checks import CheckMessage, Warning, register

from ..auth.backends import ApiPermissionBackend
from ..auth.service_users import API_BACKEND
from ..backends.users import group_model
from .site import TAG

# The methods by which ModelBackend reads permissions.
READING_METHODS = (
    "has_perm",
    "get_all_permissions",
    "get_user_permissions",
    "_get_permissions",
    "_get_user_permissions",
)


@register(TAG)
def check_user_permissions(**kwargs: Any) -> list[CheckMessage]:
    """Check that users can have the permission to use the API."""
    user_model: Any = get_user_model()
    label = user_model._meta.label
    if not hasattr(user_model, "has_perm"):
        return [
            Warning(
                f"{label} has no method has_perm(), so no user has the permission to use the API.",
                hint="Add PermissionsMixin to its base classes, or run ringotel_connect, which "
                "prints the method to add.",
                obj=user_model,
                id="ringotel_crm.W050",
            )
        ]
    is_standard = user_model.has_perm is PermissionsMixin.has_perm
    if not is_standard or any(map(_reads_user_permissions, get_backends())):
        return []
    return [
        Warning(
            "No backend of AUTHENTICATION_BACKENDS reads user_permissions as Django's does, so "
            "users may not get the permission to use the API.",
            hint=f'Add "{API_BACKEND}" to AUTHENTICATION_BACKENDS. Without it, ringotel_connect '
            "issues credentials only for users who have the permission.",
            id="ringotel_crm.W051",
        )
    ]


def _reads_user_permissions(backend: Any) -> bool:
    if isinstance(backend, ApiPermissionBackend):
        return True
    # With groups of another model, Django's own backend raises ValueError.
    if not isinstance(backend, ModelBackend) or group_model() is not Group:
        return False
    return all(
        getattr(type(backend), name) is getattr(ModelBackend, name) for name in READING_METHODS
    )
