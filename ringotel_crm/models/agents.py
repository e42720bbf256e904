"""Agents."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField, tenant_field


def user_name(user: Any) -> str:
    """The full name of a user, or else the user name; "" for None."""
    if user is None:
        return ""
    return str(getattr(user, "get_full_name", str)() or user.get_username())


class Agent(models.Model):
    """The extension and direct number of a Django user."""

    tenant = tenant_field()
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        on_delete=models.CASCADE,
        related_name="ringotel_agent",
    )
    extension = IdentifierField(
        _("extension"),
        max_length=64,
        help_text=_("The user's internal number in the phone system."),
    )
    phone = models.CharField(
        _("phone"), max_length=64, blank=True, help_text=_("Direct number, if the user has one.")
    )

    class Meta:
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ("extension",)
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "extension"], name="ringotel_unique_agent_extension"
            )
        ]
        permissions = [
            ("place_call", _("Can place calls")),
            ("add_colleague", _("Can add colleagues and give them a role")),
        ]

    def __str__(self) -> str:
        return f"{user_name(self.user)} ({self.extension})"

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Validate the tenant too, although no form displays it."""
        super().validate_constraints(exclude={*(exclude or ())} - {"tenant"})
