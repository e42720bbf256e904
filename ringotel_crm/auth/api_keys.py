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

from .. import databases
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

# Precision of ``last_used_at``, so that not every request writes.
LAST_USED_STEP = dt.timedelta(minutes=5)


def _valid_keys(digest: str, now: dt.datetime, stale: dt.datetime) -> QuerySet[ApiKey, Any]:
    keys = ApiKey.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now), digest=digest, revoked_at=None
    )
    keys = keys.annotate(stale=Q(last_used_at=None) | Q(last_used_at__lt=stale))
    return annotate_user(keys, "user", "pk", "tenant", "stale")


_VALID_KEYS = CompiledQuery(_valid_keys)


class KeyAuthentication(BaseAuthentication):
    """Authenticate the user of an :class:`~ringotel_crm.models.ApiKey`, which becomes
    ``request.auth``.

    Runs one query. The fields of both that it does not select are loaded on access.
    """

    @databases.fresh_reads()
    @sensitive_variables("token")
    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        """Return user and key; ``None`` if there is no bearer token, or one that may be OAuth2's.

        Raises ``AuthenticationFailed`` for an invalid, expired or revoked key and for a user who
        may not use the API, and ``Throttled`` after too many failures.
        """
        token = read_credential(request, "bearer")
        if token is None:
            return None
        if not token.startswith(ApiKey.MARK) and apps.is_installed("oauth2_provider"):
            return None
        using = router.db_for_read(ApiKey)
        now = timezone.now()
        rows = _VALID_KEYS.rows(
            using, ApiKey.digest_of(token), now, now - LAST_USED_STEP, variant=query_cache_key()
        )
        if not rows:
            LoginAttempt(request).check_and_count()
            raise authentication_failed()
        row = rows[0]
        user = load_user(using, row, "user")
        if not may_use_api(user):
            raise authentication_failed()
        if row.stale:
            ApiKey.objects.filter(pk=row.pk).update(last_used_at=now)
        return user, ApiKey.from_db(
            using, ["id", "tenant", "user_id"], [row.pk, row.tenant, user.pk]
        )
