"""Callers to call back."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .fields import tenant_field


class Callback(models.Model):
    """Who is on a caller of the list *To call back*, and which of the missed calls are done.

    The list itself is derived from the calls; see :mod:`ringotel_crm.services.calls.callbacks`.
    """

    tenant = tenant_field()
    e164 = models.CharField(_("number"), max_length=16)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    taken_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    done_at = models.DateTimeField(null=True)
    # Missed calls that started until then are done. The value before is restored by undo.
    done_until = models.DateTimeField(null=True)
    done_until_before = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("caller to call back")
        verbose_name_plural = _("to call back")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["tenant", "e164"], name="ringotel_unique_callback")
        ]
        indexes = [models.Index(fields=["-done_at"], name="ringotel_callback_done")]

    def __str__(self) -> str:
        return self.e164
