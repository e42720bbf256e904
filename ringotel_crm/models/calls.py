"""Calls."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..records import Direction, Status
from .contact_reference import ContactReferenceModel
from .fields import IdentifierField, ReversedDigitsField, SearchField, tenant_field
from .search import prefix_index


class Activity(ContactReferenceModel):
    """A call.

    Ringotel sends several events per call, possibly more than once and in any order. A row may
    therefore be created with little more than its ``call_id``.
    """

    tenant = tenant_field()
    call_id = IdentifierField(
        _("call id"), max_length=255, help_text=_("Ringotel's id of the call.")
    )
    direction = models.CharField(
        _("direction"), max_length=16, choices=Direction.choices, blank=True
    )
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.RINGING
    )
    caller_number = models.CharField(
        _("caller"), max_length=255, blank=True, help_text=_("As received.")
    )
    caller_e164 = models.CharField(_("caller, E.164"), max_length=16, blank=True)
    called_number = models.CharField(
        _("called"), max_length=255, blank=True, help_text=_("As received.")
    )
    called_e164 = models.CharField(_("called, E.164"), max_length=16, blank=True)
    outside_number_reversed = ReversedDigitsField(source="outside_number")
    extension = IdentifierField(_("extension"), max_length=64, blank=True)
    agent_id = IdentifierField(
        _("agent id"), max_length=255, blank=True, help_text=_("The CRM's id of the user.")
    )
    agent_name = models.CharField(_("agent"), max_length=255, blank=True)
    contact_name_normalized = SearchField(source="contact_name", max_length=255)
    contact_confirmed = models.BooleanField(
        _("contact confirmed"),
        default=False,
        help_text=_("Assigned manually; no longer updated automatically."),
    )
    start = models.DateTimeField(_("start"), null=True, blank=True)
    end = models.DateTimeField(_("end"), null=True, blank=True)
    duration = models.PositiveIntegerField(
        _("duration"), null=True, blank=True, help_text=_("Talk time in seconds.")
    )
    cause = models.CharField(
        _("cause"), max_length=64, blank=True, help_text=_("Reason given by the phone system.")
    )
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    subject_normalized = SearchField(source="subject", max_length=255)
    comment = models.TextField(_("comment"), blank=True)
    # Values last received from the phone. A different subject or comment was edited in the CRM
    # and is not overwritten.
    last_received_subject = models.CharField(
        _("subject entered on the phone"), max_length=255, blank=True, editable=False
    )
    last_received_comment = models.TextField(
        _("comment entered on the phone"), blank=True, editable=False
    )
    legal_hold = models.BooleanField(
        _("legal hold"),
        default=False,
        help_text=_("This call and its recording are kept until the hold is lifted."),
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
            models.Index(fields=["caller_e164", "-start"], name="ringotel_call_caller"),
            models.Index(fields=["called_e164", "-start"], name="ringotel_call_called"),
            prefix_index("outside_number_reversed", name="ringotel_call_digits"),
            prefix_index("contact_name_normalized", name="ringotel_call_name"),
            prefix_index("subject_normalized", name="ringotel_call_subject"),
        ]
        permissions = [
            ("view_own_activity", _("Can view own calls")),
            ("view_contact_activity", _("Can view all calls of a contact")),
            ("export_activity", _("Can export calls and contacts")),
            ("merge_contacts", _("Can merge contacts")),
        ]

    def __str__(self) -> str:
        return self.contact_name or self.display_number

    @property
    def outside_e164(self) -> str:
        """The external party's number, ``""`` if it is not a valid phone number."""
        return self.called_e164 if self.direction == Direction.OUTBOUND else self.caller_e164

    @property
    def outside_number(self) -> str:
        """The external party's number in E.164, or else as received."""
        return self.outside_e164 or (
            self.called_number if self.direction == Direction.OUTBOUND else self.caller_number
        )

    @property
    def display_number(self) -> str:
        """The external party's number, formatted; "withheld number" without one."""
        number = self.outside_number
        is_withheld = phone.explain(number).refusal in (
            phone.Refusal.EMPTY,
            phone.Refusal.WITHHELD,
        )
        return gettext("withheld number") if is_withheld else phone.display(number)
