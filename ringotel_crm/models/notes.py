"""Notes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .contact_reference import RequiredContactReferenceModel
from .fields import tenant_field


class Note(RequiredContactReferenceModel):
    """A note about a contact."""

    tenant = tenant_field()
    text = models.TextField(_("note"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["contact_type", "contact_id", "-id"], name="ringotel_note_contact")
        ]

    def __str__(self) -> str:
        return self.text[:50]
