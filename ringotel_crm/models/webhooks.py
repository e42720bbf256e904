"""Webhooks, their tokens, and the events received."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .. import databases
from .fields import IdentifierField, SlugIdentifierField, tenant_field
from .hashed_tokens import HashedToken, HashedTokenManager


class Webhook(models.Model):
    """A URL to which Ringotel sends events, with the tenant and user to process them as."""

    tenant = tenant_field()
    name = SlugIdentifierField(
        _("name"), max_length=100, unique=True, help_text=_("The last part of the URL.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="ringotel_webhooks",
        help_text=_("Events are processed with this user's permissions."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class WebhookTokenManager(HashedTokenManager["WebhookToken"]):
    """Manager that issues webhook tokens."""

    def issue(self, *, name: str, user: Any, tenant: str = "") -> tuple[WebhookToken, str]:
        """Issue a token for the webhook ``name``, which is created if it does not exist.

        Earlier tokens expire after :attr:`WebhookToken.GRACE`. Return the row and the token.
        """
        token, columns = WebhookToken.generate()
        with databases.atomic():
            webhook, _created = Webhook.objects.get_or_create(
                name=name, defaults={"user": user, "tenant": tenant}
            )
            self.filter(webhook=webhook, expires_at=None).update(
                expires_at=timezone.now() + WebhookToken.GRACE
            )
            return self.create(webhook=webhook, **columns), token


class WebhookToken(HashedToken):
    """A token that Ringotel includes in the body of each event.

    Several tokens of a webhook may be valid at once, so that the token can be replaced without
    losing events.
    """

    MARK = "rtw_"
    # Time for entering a new token at Ringotel before the earlier ones expire.
    GRACE = dt.timedelta(days=7)

    webhook = models.ForeignKey(
        Webhook, verbose_name=_("webhook"), on_delete=models.CASCADE, related_name="tokens"
    )

    objects = WebhookTokenManager()

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.hint}…"


class WebhookEvent(models.Model):
    """An event from Ringotel, stored before it is processed so that it can be processed again."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        PROCESSED = "processed", _("processed")
        IGNORED = "ignored", _("ignored")
        FAILED = "failed", _("failed")

    webhook = models.ForeignKey(
        Webhook, verbose_name=_("webhook"), on_delete=models.CASCADE, related_name="events"
    )
    method = models.CharField(_("method"), max_length=64, blank=True)
    body = models.TextField(_("body"), help_text=_("JSON as received, without the token."))
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
        """Whether the event was processed or ignored."""
        return self.status in (self.Status.PROCESSED, self.Status.IGNORED)


class WebhookEventKey(models.Model):
    """A number in E.164, or the id of a call or message, in an event: what a person's events are
    found by.
    """

    tenant = tenant_field()
    value = IdentifierField(max_length=255)
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "value", "event"], name="ringotel_unique_event_key"
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"
