"""Who may tell: the secrets inside a body, which stay out of everything that is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
from hmac import compare_digest
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from ..auth.permissions import has_permission_expr, may_use_api
from ..conf import conf
from ..models import Webhook, WebhookToken

SECRETS = frozenset({"api_token", "api_key"})

# How stale the time of last use may be, so that not every request writes.
LAST_USED = dt.timedelta(minutes=5)


@sensitive_variables()
def authenticate(name: str, body: dict[str, Any]) -> Webhook | None:
    """The webhook called ``name``, if ``body`` has one of its tokens, or the account's key, which is on every message.

    One query. None, too, if the webhook's user may not use the API any more.
    """
    token, key = (
        body.get(secret) if isinstance(body.get(secret), str) else ""
        for secret in ("api_token", "api_key")
    )
    given = hashlib.sha256(str(token).encode(errors="replace")).hexdigest()
    # Every comparison is made, so that the time tells nothing.
    found: Webhook | None = None
    if (
        key
        and conf.RINGOTEL_API_KEY
        and compare_digest(str(key).encode(errors="replace"), conf.RINGOTEL_API_KEY.encode())
    ):
        found = (
            Webhook.objects.filter(name=name)
            .select_related("user")
            .annotate(granted=has_permission_expr("user"))
            .first()
        )
    tokens = WebhookToken.objects.valid().filter(webhook__name=name).select_related("webhook__user")
    for valid in tokens.annotate(granted=has_permission_expr("webhook__user")) if token else ():
        if compare_digest(valid.digest, given):
            found = valid.webhook
            found.granted = valid.granted  # type: ignore[attr-defined]
            _mark_used(valid)
    if found is None or not may_use_api(found.user, granted=found.granted):  # type: ignore[attr-defined]
        return None
    return found


def without_secrets(value: Any) -> Any:
    """``value`` without the members that hold secrets, at any depth."""
    if isinstance(value, dict):
        return {
            key: without_secrets(item) for key, item in value.items() if key.lower() not in SECRETS
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def _mark_used(token: WebhookToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - LAST_USED:
        WebhookToken.objects.filter(pk=token.pk).update(last_used_at=now)
