"""Permissions of the users of any user model."""

from __future__ import annotations

from typing import Any


def has_perm(user: Any, permission: str) -> bool:
    """Return ``user.has_perm(permission)``; ``False`` if the user model has no permissions."""
    check = getattr(user, "has_perm", None)
    return bool(check and check(permission))
