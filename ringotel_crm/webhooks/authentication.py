"""Authentication of webhook requests by the secrets in their body."""

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

# Members of the body that are never stored, in lower case.
SECRETS = frozenset({"api_token", "api_key"})

# Precision of ``last_used_at``, so that not every request writes.
LAST_USED_STEP = dt.timedelta(minutes=5)


@sensitive_variables()
def authenticate(name: str, body: dict[str, Any]) -> Webhook | None:
    """Return the webhook ``name`` if ``body`` contains one of its tokens, or ``RINGOTEL_API_KEY``.

    Message events contain the API key of the account instead of a token. Returns ``None`` for a
    wrong secret, an unknown webhook, and one with a user who may not use the API. Runs one query
    for each secret.
    """
    by_key = _find_by_api_key(name, _text(body.get("api_key")))
    webhook = _find_by_token(name, _text(body.get("api_token"))) or by_key
    if webhook is None:
        return None
    granted: bool = webhook.granted  # type: ignore[attr-defined]
    return webhook if may_use_api(webhook.user, granted=granted) else None


def without_secrets(value: Any) -> Any:
    """Return ``value`` without the members named in :data:`SECRETS`, at any depth."""
    if isinstance(value, dict):
        return {
            key: without_secrets(item) for key, item in value.items() if key.lower() not in SECRETS
        }
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


@sensitive_variables()
def _find_by_api_key(name: str, key: str) -> Webhook | None:
    expected = conf.RINGOTEL_API_KEY
    if not (key and expected and compare_digest(_encode(key), expected.encode())):
        return None
    webhooks = Webhook.objects.filter(name=name).select_related("user")
    return webhooks.annotate(granted=has_permission_expr("user")).first()


@sensitive_variables()
def _find_by_token(name: str, text: str) -> Webhook | None:
    if not text:
        return None
    digest = hashlib.sha256(_encode(text)).hexdigest()
    tokens = WebhookToken.objects.valid().filter(webhook__name=name).select_related("webhook__user")
    webhook = None
    # All tokens are compared, so that the response time does not reveal which one matches.
    for token in tokens.annotate(granted=has_permission_expr("webhook__user")):
        if compare_digest(token.digest, digest):
            webhook = token.webhook
            webhook.granted = token.granted  # type: ignore[attr-defined]
            _mark_used(token)
    return webhook


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _encode(text: str) -> bytes:
    return text.encode(errors="replace")


def _mark_used(token: WebhookToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - LAST_USED_STEP:
        WebhookToken.objects.filter(pk=token.pk).update(last_used_at=now)
