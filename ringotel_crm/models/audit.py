"""Who did what."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from .tenant import tenant_field


class AuditEntry(models.Model):
    """That somebody heard, took away or deleted something personal. Written once, never changed or deleted here.

    User and object are text, so that the entry outlives both. Nothing in an entry tells who a caller was.
    """

    class Action(models.TextChoices):
        """What was done."""

        LISTENED = "listened", _("listened")
        DOWNLOADED = "downloaded", _("downloaded")
        DELETED = "deleted", _("deleted")
        EXPORTED = "exported", _("exported")
        ERASED = "erased", _("erased")

    class Kind(models.TextChoices):
        """To what it was done."""

        RECORDING = "recording", _("recording")
        PERSON = "person", _("person")

    tenant = tenant_field()
    at = models.DateTimeField(_("at"), auto_now_add=True)
    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    object_id = models.CharField(_("id"), max_length=255, blank=True)
    user_id = models.CharField(_("user id"), max_length=255, blank=True)
    user_name = models.CharField(
        _("user"), max_length=255, blank=True, help_text=_("Empty: the system itself.")
    )
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["kind", "object_id", "-at"], name="ringotel_audited_object")
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.get_kind_display()} {self.object_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Only ever once."""
        if not self._state.adding:
            self.delete()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not possible."""
        raise TypeError("An audit entry is not changed.")
