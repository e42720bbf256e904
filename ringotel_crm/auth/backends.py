"""An authentication backend for sites whose own backends ignore ``user_permissions``."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from .permissions import APP_LABEL, CODENAME, PERMISSION


class ApiPermissionBackend(BaseBackend):
    """Grants ``ringotel_crm.use_api`` to active users who have it among their
    ``user_permissions``.

    It grants no other permission, and no one can log in by it. ``ringotel_connect`` prints the line
    for ``AUTHENTICATION_BACKENDS`` where it is needed.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if perm != PERMISSION or obj is not None or not user_obj.is_active:
            return False
        permissions = user_obj.user_permissions.filter(content_type__app_label=APP_LABEL)
        return bool(permissions.filter(codename=CODENAME).exists())
