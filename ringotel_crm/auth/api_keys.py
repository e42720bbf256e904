"""Static bearer keys: ``Authorization: Bearer rtk_...``."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.apps import apps
from django.db import router
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from ..internal.compiled_queries import CompiledQuery
from ..models import ApiKey
from .permissions import (
    annotate_user,
    authentication_failed,
    load_user,
    may_use_api,
    query_cache_key,
    read_credential,
)
from .throttling import LoginAttempt

# How stale the time of last use may be, so that not every request writes.
LAST_USED_STEP = dt.timedelta(minutes=5)


def _valid_keys(digest: str, now: dt.datetime, stale: dt.datetime) -> QuerySet[ApiKey, Any]:
    """The key with this digest, if it is valid: its columns, and those of its user."""
    keys = ApiKey.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), digest=digest, revoked_at=None
    )
    keys = keys.annotate(stale=Q(last_used_at=None) | Q(last_used_at__lt=stale))
    return annotate_user(keys, "user", "pk", "tenant", "stale")


_VALID_KEYS = CompiledQuery(_valid_keys)


class KeyAuthentication(BaseAuthentication):
    """Gives the key's user, and the :class:`~ringotel_crm.models.ApiKey` itself as ``request.auth``. One query.

    Both load the columns that this query leaves out when they are asked for.
    """

    @sensitive_variables("token")
    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        """None for a token that is not ours; raises ``AuthenticationFailed`` for a key that is not valid now."""
        token = read_credential(request, "bearer")
        if token is None or (
            not token.startswith(ApiKey.MARK) and apps.is_installed("oauth2_provider")
        ):
            return None
        using = router.db_for_read(ApiKey)
        now = timezone.now()
        rows = _VALID_KEYS.rows(
            using, ApiKey.digest_of(token), now, now - LAST_USED_STEP, variant=query_cache_key()
        )
        if not rows:
            LoginAttempt(request).check_and_count()
            raise authentication_failed()
        pk, tenant, stale, *columns = rows[0]
        user = load_user(using, columns)
        if not may_use_api(user):
            raise authentication_failed()
        if stale:
            ApiKey.objects.filter(pk=pk).update(last_used_at=now)
        return user, ApiKey.from_db(using, ["id", "tenant", "user_id"], [pk, tenant, user.pk])
