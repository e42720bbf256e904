"""What is known of the other side: Ringotel's users, its contacts, its subjects, and how far we have read."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .tenant import tenant_field


class RingotelUser(models.Model):
    """A user of Ringotel, and who that is in the CRM. Only what a person has confirmed has any effect."""

    class MatchedBy(models.TextChoices):
        """What a proposal rests on."""

        EMAIL = "email", _("e-mail address")
        EXTENSION = "extension", _("extension")

    tenant = tenant_field()
    ringotel_id = models.CharField(_("Ringotel's id"), max_length=64)
    name = models.CharField(_("name"), max_length=255, blank=True)
    extension = models.CharField(_("extension"), max_length=64, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    agent_id = models.CharField(
        _("agent id"), max_length=255, blank=True, help_text=_("The CRM's id of the user.")
    )
    agent_name = models.CharField(_("agent"), max_length=255, blank=True, editable=False)
    matched_by = models.CharField(
        _("matched by"), max_length=16, choices=MatchedBy.choices, blank=True, editable=False
    )
    confirmed = models.BooleanField(_("confirmed"), default=False)

    class Meta:
        verbose_name = _("Ringotel user")
        verbose_name_plural = _("Ringotel users")
        ordering = ("confirmed", "name", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "ringotel_id"], name="ringotel_unique_ringotel_user"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.extension})"
