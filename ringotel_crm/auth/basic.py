"""HTTP Basic authentication with Django's users.

Checking a password hash takes 100 to 300 ms, longer than the rest of a caller lookup. A credential
that was valid is therefore cached for ``CREDENTIAL_CACHE_SECONDS`` under an HMAC of it. The user is
still read from the database for each request, so that a new password, a new username or a
deactivation takes effect at once.

That a credential was valid is remembered for longer, so that failures from the same IP address do
not lock out its owner.
"""

from __future__ import annotations

import base64
from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.db import router
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from .. import databases
from ..conf import conf
from ..internal import cache
from ..internal.compiled_queries import CompiledQuery
from .permissions import (
    annotate_user,
    authentication_failed,
    load_user,
    may_use_api,
    query_cache_key,
    read_credential,
)
from .throttling import LoginAttempt

# Seconds for which a valid credential is not throttled: 30 days.
PROVEN_SECONDS = 30 * 24 * 3600


class BasicAuthentication(BaseAuthentication):
    """Authenticate a user by password; ``request.auth`` is ``None``. Runs one query if the
    credential is cached.
    """

    @databases.fresh_reads()
    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Return the user; ``None`` for another scheme.

        Raises ``AuthenticationFailed`` for wrong credentials and for a user who may not use the
        API, and ``Throttled`` after too many failures.
        """
        encoded = read_credential(request, "basic")
        if encoded is None:
            return None
        username, password = _decode(encoded)
        key = _cache_key(username, password)
        user = _cached_user(key)
        if user is None:
            user = _verify(request, username, password, key)
        if user is None or not may_use_api(user):
            raise authentication_failed()
        return user, None


@sensitive_variables()
def _verify(request: Request, username: str, password: str, key: str) -> Any:
    """Return the user if the password hash matches, or ``None``. Raises ``Throttled`` before the
    hash is computed.
    """
    proven_key = f"{key}.proven"
    attempt = None if _get_cached(proven_key) else LoginAttempt(request, username)
    if attempt:
        attempt.check_and_count()
    # Django runs the hasher for an unknown username too, so both take the same time.
    user = authenticate(request, username=username, password=password)
    # Not cached without the permission: the faster second response would reveal that the password
    # is right.
    if user is not None and may_use_api(user):
        _cache_user(key, user)
        if attempt:
            attempt.forgive()
        return user
    cache.delete(proven_key)
    return None


@sensitive_variables()
def _decode(encoded: str) -> tuple[str, str]:
    """Return username and password. Raises ``AuthenticationFailed``."""
    try:
        raw = base64.b64decode(encoded)
    except ValueError:
        raise authentication_failed() from None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    username, colon, password = text.partition(":")
    if not colon or "\0" in text:
        raise authentication_failed()
    return username, password


@sensitive_variables()
def _cache_key(username: str, password: str) -> str:
    # Neither contains NUL, so that no two credentials result in the same text.
    credential = f"{username}\0{password}"
    digest = salted_hmac("ringotel_crm.auth.basic", credential, algorithm="sha256").hexdigest()
    return f"ringotel_crm.auth.basic.{digest}"


def _cache_user(key: str, user: Any) -> None:
    if not conf.CREDENTIAL_CACHE_SECONDS:
        return
    value = (user.get_username(), user.get_session_auth_hash())
    cache.set(key, value, conf.CREDENTIAL_CACHE_SECONDS)
    cache.set(f"{key}.proven", True, PROVEN_SECONDS)


def _cached_user(key: str) -> Any:
    """Return the user cached under ``key`` if username and password have not changed since, or
    ``None``.
    """
    match _get_cached(key):
        case (str(username), str(session_auth_hash)):
            pass
        case _:
            return None
    using = router.db_for_read(get_user_model())
    users = [
        load_user(using, row, "pk", more=["password"])
        for row in _USERS.rows(using, username, variant=query_cache_key())
    ]
    return next((user for user in users if user.get_session_auth_hash() == session_auth_hash), None)


def _users(username: str) -> QuerySet[Any, Any]:
    """Query users with the columns that ``get_session_auth_hash()`` and the permission need."""
    model = get_user_model()
    users = model._default_manager.filter(**{model.USERNAME_FIELD: username})
    return annotate_user(users, "pk", more=["password"])


_USERS = CompiledQuery(_users)


def _get_cached(key: str) -> Any:
    return cache.get(key) if conf.CREDENTIAL_CACHE_SECONDS else None
