"""Audit log."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField, tenant_field


class AuditEntry(models.Model):
    """An access to personal data, or its deletion. Entries cannot be changed or deleted.

    User and object are stored as text, so that an entry outlives both. An entry does not identify
    the caller.
    """

    class Action(models.TextChoices):
        LISTENED = "listened", _("listened")
        DOWNLOADED = "downloaded", _("downloaded")
        DELETED = "deleted", _("deleted")
        EXPORTED = "exported", _("exported")
        ERASED = "erased", _("erased")

    class Kind(models.TextChoices):
        RECORDING = "recording", _("recording")
        PERSON = "person", _("person")
        CALLS = "calls", _("calls")
        CONTACTS = "contacts", _("contacts")

    tenant = tenant_field()
    at = models.DateTimeField(_("time"), auto_now_add=True)
    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    object_id = IdentifierField(_("id"), max_length=255, blank=True)
    user_id = IdentifierField(_("user id"), max_length=255, blank=True)
    user_name = models.CharField(
        _("user"), max_length=255, blank=True, help_text=_("Empty for the system.")
    )
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["kind", "object_id", "-at"], name="ringotel_audited_object")
        ]
        permissions = [
            ("export_person", _("Can export everything about a person")),
            ("erase_person", _("Can erase everything about a person")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.get_action_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raise ``TypeError`` if the entry is already stored."""
        if not self._state.adding:
            self.delete()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise ``TypeError``."""
        raise TypeError("Audit entries cannot be changed or deleted.")
