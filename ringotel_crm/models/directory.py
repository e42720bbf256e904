"""What is known of the other side: Ringotel's users, its contacts, its subjects, and how far we have read."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext_lazy as _

from .scope import ScopeField


class RemoteUser(models.Model):
    """A user of Ringotel, and who that is in the CRM. Only what a person has confirmed has any effect."""

    class Basis(models.TextChoices):
        """What a proposal rests on."""

        EMAIL = "email", _("e-mail address")
        EXTENSION = "extension", _("extension")

    scope = ScopeField()
    ringotel_id = models.CharField(_("Ringotel's id"), max_length=64)
    name = models.CharField(_("name"), max_length=255, blank=True)
    extension = models.CharField(_("extension"), max_length=64, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    agent_id = models.CharField(_("agent id"), max_length=255, blank=True, help_text=_("The CRM's id of the user."))
    agent_name = models.CharField(_("agent"), max_length=255, blank=True, editable=False)
    basis = models.CharField(_("matched by"), max_length=16, choices=Basis.choices, blank=True, editable=False)
    confirmed = models.BooleanField(_("confirmed"), default=False)

    class Meta:
        verbose_name = _("Ringotel user")
        verbose_name_plural = _("Ringotel users")
        ordering = ("confirmed", "name", "id")
        constraints = [models.UniqueConstraint(fields=["scope", "ringotel_id"], name="ringotel_one_row_a_remote_user")]

    def __str__(self) -> str:
        return f"{self.name} ({self.extension})"


class DirectoryEntry(models.Model):
    """Which entry of Ringotel's directory is which contact: there is no room for our id on their side."""

    scope = ScopeField()
    contact_id = models.CharField(_("contact id"), max_length=255)
    ringotel_id = models.CharField(_("Ringotel's id"), max_length=64)

    class Meta:
        verbose_name = _("directory entry")
        verbose_name_plural = _("directory entries")
        constraints = [
            models.UniqueConstraint(fields=["scope", "contact_id"], name="ringotel_one_entry_a_contact"),
            models.UniqueConstraint(fields=["scope", "ringotel_id"], name="ringotel_one_contact_an_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} = {self.ringotel_id}"


class CallSubject(models.Model):
    """One of the subjects that a call may have."""

    scope = ScopeField()
    name = models.CharField(_("name"), max_length=255)

    class Meta:
        verbose_name = _("call subject")
        verbose_name_plural = _("call subjects")
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["scope", "name"], name="ringotel_one_row_a_subject")]

    def __str__(self) -> str:
        return self.name

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Also of the scope, which no form shows."""
        super().validate_constraints(exclude={*(exclude or ())} - {"scope"})


class Progress(models.Model):
    """How far a command has come with a tenant, for the next run to go on from."""

    scope = ScopeField()
    name = models.CharField(max_length=64)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "name"], name="ringotel_one_row_a_progress")]

    def __str__(self) -> str:
        return self.name
