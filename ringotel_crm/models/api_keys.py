"""API keys."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField, tenant_field
from .hashed_tokens import HashedToken, HashedTokenManager


class ApiKeyManager(HashedTokenManager["ApiKey"]):
    """Manager that issues API keys."""

    def issue(
        self, *, name: str, user: Any, tenant: str = "", expires_at: dt.datetime | None = None
    ) -> tuple[ApiKey, str]:
        """Create the key ``name``, or replace its token. Return the key and the token."""
        token, columns = ApiKey.generate()
        columns |= {"user": user, "tenant": tenant, "expires_at": expires_at, "revoked_at": None}
        key, _created = self.update_or_create(name=name, defaults=columns)
        return key, token


class ApiKey(HashedToken):
    """A static bearer key, sent as ``Authorization: Bearer rtk_...``."""

    MARK = "rtk_"

    tenant = tenant_field()
    name = IdentifierField(_("name"), max_length=100, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="ringotel_api_keys",
        help_text=_("Requests with this key have this user's permissions."),
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiKeyManager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("name",)
        permissions = [("use_api", _("Can use the API on behalf of Ringotel"))]

    def __str__(self) -> str:
        return self.name
