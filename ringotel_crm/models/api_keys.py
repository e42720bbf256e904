"""API keys."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .tenant import tenant_field
from .validators import validate_reasonable_year


class ApiKeyManager(models.Manager["ApiKey"]):
    """Issues keys."""

    def issue(
        self, *, name: str, user: Any, tenant: str = "", expires_at: dt.datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Make the key called ``name``, or give the one there is a new secret. The token is returned once, here."""
        token = f"{ApiKey.MARK}{secrets.token_urlsafe(32)}"
        key, _created = self.update_or_create(
            name=name,
            defaults={
                "user": user,
                "tenant": tenant,
                "digest": ApiKey.digest_of(token),
                "hint": token[: len(ApiKey.MARK) + 4],
                "expires_at": expires_at,
                "revoked_at": None,
                "last_used_at": None,
            },
        )
        return key, token


class ApiKey(models.Model):
    """A static bearer key. Shown once, stored as SHA-256: its 256 random bits need no slow hash."""

    # Lets secret scanners, and the authenticators, tell our keys from other bearers.
    MARK = "rtk_"

    tenant = tenant_field()
    name = models.CharField(_("name"), max_length=100, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="ringotel_api_keys",
        help_text=_("Requests with this key act as this user."),
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("begins with"), max_length=16, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, validators=[validate_reasonable_year]
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    objects = ApiKeyManager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("name",)
        permissions = [("use_api", _("Can act as Ringotel on the CRM's endpoints"))]

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def digest_of(token: str) -> str:
        """The form in which a token is stored and looked up."""
        return hashlib.sha256(token.encode()).hexdigest()
