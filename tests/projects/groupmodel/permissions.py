from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend

from .models import Grant


class GrantBackend(ModelBackend):
    """Reads permissions from ``Grant`` only."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        grants = Grant.objects.filter(team__account=user_obj)
        return set(grants.values_list("permission", flat=True))

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return perm in self.get_all_permissions(user_obj, obj)
