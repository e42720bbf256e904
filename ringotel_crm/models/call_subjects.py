"""Call subjects."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField, tenant_field


class CallSubject(models.Model):
    """A call subject that Ringotel's apps offer to agents."""

    tenant = tenant_field()
    name = IdentifierField(_("name"), max_length=255)

    class Meta:
        verbose_name = _("call subject")
        verbose_name_plural = _("call subjects")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="ringotel_unique_subject")
        ]

    def __str__(self) -> str:
        return self.name

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Validate the tenant too, although no form displays it."""
        super().validate_constraints(exclude={*(exclude or ())} - {"tenant"})
