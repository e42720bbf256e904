"""Phone index."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField, ReversedDigitsField, tenant_field
from .search import prefix_index


class PhoneIndex(models.Model):
    """A phone number of an object of any model, by which callers are identified."""

    tenant = tenant_field()
    e164 = models.CharField(_("E.164"), max_length=16)
    e164_reversed = ReversedDigitsField(source="e164")
    content_type = models.ForeignKey(
        ContentType,
        verbose_name=_("content type"),
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    object_id = IdentifierField(_("object id"), max_length=255)

    class Meta:
        verbose_name = _("indexed number")
        verbose_name_plural = _("indexed numbers")
        constraints = [
            models.UniqueConstraint(
                fields=["content_type", "object_id", "e164"], name="ringotel_unique_phone_entry"
            )
        ]
        indexes = [
            models.Index(fields=["e164", "tenant"], name="ringotel_index_e164"),
            prefix_index("e164_reversed", name="ringotel_index_digits"),
        ]

    def __str__(self) -> str:
        return self.e164
