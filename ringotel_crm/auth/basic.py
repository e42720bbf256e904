"""HTTP Basic against Django's users.

A password hash takes 100 to 300 ms, longer than all the rest of a call's look-up. So a credential that was
right is remembered for ``CREDENTIAL_CACHE_SECONDS`` in Django's cache, under an HMAC of it. The user is read from
the database each time all the same: a new password, a new name or a deactivation counts from the next request on.

That it was right is remembered longer: others who guess, behind the same address, do not keep out who knows.
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

PROVEN_SECONDS = 30 * 24 * 3600


class BasicAuthentication(BaseAuthentication):
    """Gives the user, and None as ``request.auth``. One query when the credential is remembered."""

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """None for another scheme; raises ``AuthenticationFailed``."""
        encoded = read_credential(request, "basic")
        if encoded is None:
            return None
        username, password = _decode(encoded)
        name = _cache_key(username, password)
        user = _recall(name)
        if user is None:
            user = _verify(request, username, password, name)
        if user is None or not may_use_api(user):
            raise authentication_failed()
        return user, None


@sensitive_variables()
def _verify(request: Request, username: str, password: str, name: str) -> Any:
    """The user by the password hash, or None; raises ``Throttled`` before it costs anything."""
    proven = f"{name}.proven"
    attempt = None if _cached(proven) else LoginAttempt(request, username)
    if attempt:
        attempt.check_and_count()
    # For an unknown name Django runs the hasher too, so both take the same time.
    user = authenticate(request, username=username, password=password)
    if user is not None and may_use_api(
        user
    ):  # else the second time would be quick, and tell that it was right
        _remember(name, user)
        if attempt:
            attempt.forgive()
        return user
    cache.delete(proven)
    return None


@sensitive_variables()
def _decode(encoded: str) -> tuple[str, str]:
    """User name and password."""
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
    # Neither contains NUL, so no two credentials give the same text.
    digest = salted_hmac(
        "ringotel_crm.auth.basic", f"{username}\0{password}", algorithm="sha256"
    ).hexdigest()
    return f"ringotel_crm.auth.basic.{digest}"


def _remember(name: str, user: Any) -> None:
    if not conf.CREDENTIAL_CACHE_SECONDS:
        return
    value = (user.get_username(), user.get_session_auth_hash())
    cache.set(name, value, conf.CREDENTIAL_CACHE_SECONDS)
    cache.set(f"{name}.proven", True, PROVEN_SECONDS)


def _recall(name: str) -> Any:
    """The user remembered under ``name``, if name and password are still the same; else None."""
    value = _cached(name)
    if value is None:
        return None
    username, session_auth_hash = value
    using = router.db_for_read(get_user_model())
    users = [
        load_user(using, row, more=["password"])
        for row in _USERS.rows(using, username, variant=query_cache_key())
    ]
    return next((user for user in users if user.get_session_auth_hash() == session_auth_hash), None)


def _users(username: str) -> QuerySet[Any, Any]:
    """The user of this name: who it is, what it may do, and what tells whether the password is still the same."""
    model = get_user_model()
    return annotate_user(
        model._default_manager.filter(**{model.USERNAME_FIELD: username}), "pk", more=["password"]
    )


_USERS = CompiledQuery(_users)


def _cached(name: str) -> Any:
    return cache.get(name) if conf.CREDENTIAL_CACHE_SECONDS else None
