"""Webhooks, their tokens, and the events that came in."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .tenant import tenant_field
from .validators import validate_reasonable_year


class Webhook(models.Model):
    """An address of its own for what Ringotel tells without being asked: the tenant it is for, and its user."""

    tenant = tenant_field()
    name = models.SlugField(
        _("name"), max_length=100, unique=True, help_text=_("The last part of the URL.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="ringotel_webhooks",
        help_text=_("Events are processed as this user."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class WebhookTokenManager(models.Manager["WebhookToken"]):
    """Issues tokens."""

    def valid(self) -> models.QuerySet[WebhookToken]:
        """Those that have not expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))

    def issue(self, *, name: str, user: Any, tenant: str = "") -> tuple[WebhookToken, str]:
        """Make the webhook called ``name``, or use the one there is, with one more token; its text is returned once,
        here. Older tokens go on for :attr:`WebhookToken.GRACE`, so that the new one can be typed in meanwhile."""
        text = f"{WebhookToken.MARK}{secrets.token_urlsafe(32)}"
        with transaction.atomic():
            webhook, _created = Webhook.objects.get_or_create(
                name=name, defaults={"user": user, "tenant": tenant}
            )
            self.filter(webhook=webhook, expires_at=None).update(
                expires_at=timezone.now() + WebhookToken.GRACE
            )
            token = self.create(
                webhook=webhook,
                digest=WebhookToken.digest_of(text),
                hint=text[: len(WebhookToken.MARK) + 4],
            )
        return token, text


class WebhookToken(models.Model):
    """What Ringotel shows to be let in. Shown once, stored as SHA-256; several may be valid at once."""

    MARK = "rtw_"
    GRACE = dt.timedelta(days=7)

    webhook = models.ForeignKey(
        Webhook, verbose_name=_("webhook"), on_delete=models.CASCADE, related_name="tokens"
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("begins with"), max_length=16, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, validators=[validate_reasonable_year]
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    objects = WebhookTokenManager()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.hint}…"

    @staticmethod
    def digest_of(text: str) -> str:
        """The form in which a token is stored."""
        return hashlib.sha256(text.encode()).hexdigest()


class WebhookEvent(models.Model):
    """Something Ringotel told: kept before anything is made of it, so that it can be gone through again."""

    class Status(models.TextChoices):
        """What became of it."""

        PENDING = "pending", _("pending")
        PROCESSED = "processed", _("processed")
        IGNORED = "ignored", _("not known here")
        FAILED = "failed", _("failed")

    webhook = models.ForeignKey(
        Webhook, verbose_name=_("webhook"), on_delete=models.CASCADE, related_name="events"
    )
    method = models.CharField(_("method"), max_length=64, blank=True)
    body = models.TextField(_("body"), help_text=_("JSON as it came, without the token."))
    received_at = models.DateTimeField(_("received"), default=timezone.now, db_index=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.PENDING
    )
    error = models.TextField(_("error"), blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    processed_at = models.DateTimeField(_("processed"), null=True, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("-id",)
        indexes = [models.Index(fields=["status", "id"], name="ringotel_event_status")]

    def __str__(self) -> str:
        return f"{self.method} #{self.pk}"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in (self.Status.PROCESSED, self.Status.IGNORED)
