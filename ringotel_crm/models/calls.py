"""Calls."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..records import Direction, Status
from .fields import NormalizedField
from .search import prefix_index
from .tenant import tenant_field


class Activity(models.Model):
    """A call.

    Several requests tell of one call, more than once and in any order, so a row may begin as a stub
    that has little more than its ``call_id``. The contact is a generic reference with the name beside
    it: a contact that is deleted leaves a call that can still be read.
    """

    tenant = tenant_field()
    call_id = models.CharField(
        _("call id"), max_length=255, help_text=_("Ringotel's id of the call.")
    )
    direction = models.CharField(
        _("direction"), max_length=16, choices=Direction.choices, blank=True
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.RINGING
    )
    caller_number = models.CharField(
        _("caller"), max_length=255, blank=True, help_text=_("As it was sent.")
    )
    caller_e164 = models.CharField(_("caller, E.164"), max_length=16, blank=True)
    called_number = models.CharField(
        _("called"), max_length=255, blank=True, help_text=_("As it was sent.")
    )
    called_e164 = models.CharField(_("called, E.164"), max_length=16, blank=True)
    extension = models.CharField(_("extension"), max_length=64, blank=True)
    agent_id = models.CharField(
        _("agent id"), max_length=255, blank=True, help_text=_("The CRM's id of the user.")
    )
    agent_name = models.CharField(_("agent"), max_length=255, blank=True)
    contact_type = models.ForeignKey(
        ContentType,
        verbose_name=_("kind of contact"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,  # else all calls that begin at once lock the same row
    )
    contact_id = models.CharField(_("contact id"), max_length=255, blank=True)
    contact = GenericForeignKey("contact_type", "contact_id")
    contact_name = models.CharField(_("contact"), max_length=255, blank=True)
    contact_name_normalized = NormalizedField(source="contact_name", max_length=255)
    contact_confirmed = models.BooleanField(
        _("contact confirmed"),
        default=False,
        help_text=_("A person decided whose call this is, so it is not guessed any more."),
    )
    start = models.DateTimeField(_("start"), null=True, blank=True)
    end = models.DateTimeField(_("end"), null=True, blank=True)
    duration = models.PositiveIntegerField(
        _("duration"), null=True, blank=True, help_text=_("Talking time in seconds.")
    )
    cause = models.CharField(
        _("cause"), max_length=64, blank=True, help_text=_("The PBX's word for why it ended.")
    )
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    subject_normalized = NormalizedField(source="subject", max_length=255)
    comment = models.TextField(_("comment"), blank=True)
    follow_up = models.BooleanField(
        _("follow up"), default=False, help_text=_("Somebody has to come back to this.")
    )
    # What the phone wrote last. Where the text above differs, a person edited it, and it stays.
    last_received_subject = models.CharField(
        _("subject from the phone"), max_length=255, blank=True, editable=False
    )
    last_received_comment = models.TextField(
        _("comment from the phone"), blank=True, editable=False
    )
    legal_hold = models.BooleanField(
        _("legal hold"),
        default=False,
        help_text=_("Nothing of this call, nor its recording, is deleted meanwhile."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering = ("-start", "-id")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "call_id"], name="ringotel_unique_call")
        ]
        indexes = [
            models.Index(fields=["-start", "-id"], name="ringotel_call_start"),
            models.Index(
                fields=["contact_type", "contact_id", "-start"], name="ringotel_call_contact"
            ),
            models.Index(fields=["agent_id", "-start"], name="ringotel_call_agent"),
            models.Index(fields=["status", "-start", "-id"], name="ringotel_call_status"),
            models.Index(fields=["follow_up", "-start", "-id"], name="ringotel_call_follow_up"),
            models.Index(fields=["caller_e164", "-start"], name="ringotel_call_caller"),
            models.Index(fields=["called_e164", "-start"], name="ringotel_call_called"),
            prefix_index("contact_name_normalized", name="ringotel_call_name"),
            prefix_index("subject_normalized", name="ringotel_call_subject"),
        ]
        permissions = [
            ("view_own_activity", _("Can view the calls that he or she took")),
            ("export_activity", _("Can export calls and contacts")),
            ("merge_contacts", _("Can merge contacts")),
        ]

    def __str__(self) -> str:
        return self.contact_name or self.outside_number or self.call_id

    @property
    def outside_e164(self) -> str:
        """The number of the person outside the company; "" where it could not be read."""
        return self.called_e164 if self.direction == Direction.OUTBOUND else self.caller_e164

    @property
    def outside_number(self) -> str:
        """The same, as sent where it could not be read."""
        return self.outside_e164 or (
            self.called_number if self.direction == Direction.OUTBOUND else self.caller_number
        )
