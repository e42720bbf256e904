"""What the CRM knows of Ringotel: its users, address book and call subjects, and how far commands
have come."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField, tenant_field


class RingotelUser(models.Model):
    """A Ringotel user, and the CRM's user that matches. A match has no effect before a person
    confirms it.

    An attached extension is a row of its own with an ``owner``, whose match it shares.
    """

    class MatchedBy(models.TextChoices):
        """The property by which a match was found."""

        EMAIL = "email", _("e-mail address")
        EXTENSION = "extension", _("extension")
        ATTACHED = "attached", _("attached extension")

    tenant = tenant_field()
    ringotel_id = IdentifierField(_("Ringotel's id"), max_length=64)
    name = models.CharField(_("name"), max_length=255, blank=True)
    extension = IdentifierField(_("extension"), max_length=64, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    owner = models.ForeignKey(
        "self",
        verbose_name=_("attached to"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="attached",
    )
    agent_id = IdentifierField(
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
        indexes = [models.Index(fields=["tenant", "extension"], name="ringotel_user_extension")]

    def __str__(self) -> str:
        return f"{self.name} ({self.extension})"
