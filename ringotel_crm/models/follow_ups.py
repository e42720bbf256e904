"""Follow-ups."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .calls import Activity
from .contact_reference import ContactReferenceModel
from .fields import tenant_field
from .validators import validate_reasonable_year


class FollowUp(ContactReferenceModel):
    """A task of one user, on a call or on a contact, that is due on a day.

    Its contact is empty if it is on a call: the contact is then that of the call.
    """

    tenant = tenant_field()
    activity = models.ForeignKey(
        Activity,
        verbose_name=_("call"),
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="follow_ups",
    )
    text = models.TextField(_("text"))
    due = models.DateField(
        _("due"), default=timezone.localdate, validators=[validate_reasonable_year]
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    done_at = models.DateTimeField(_("done"), null=True, blank=True, editable=False)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("done by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        editable=False,
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("follow-up")
        verbose_name_plural = _("follow-ups")
        ordering = ("due", "id")
        indexes = [
            models.Index(fields=["done_at", "due", "id"], name="ringotel_follow_up_due"),
            models.Index(
                fields=["assignee", "done_at", "due", "id"], name="ringotel_follow_up_assignee"
            ),
            models.Index(
                fields=["contact_type", "contact_id", "done_at"], name="ringotel_follow_up_contact"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:50]

    @property
    def is_overdue(self) -> bool:
        """Whether it is not done, and was due before today."""
        return self.done_at is None and self.due < timezone.localdate()
