"""Call legs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..records import Direction, RankedChoices
from .calls import Activity
from .fields import IdentifierField


class CallLeg(models.Model):
    """The part of one phone in a call. In a ring group many phones ring, and one is answered."""

    class Status(RankedChoices):
        """Status of a leg, in the order in which it advances. It never moves backwards.

        Whether the call was missed is a status of the call.
        """

        RINGING = "ringing", _("ringing")
        NOT_ANSWERED = "not_answered", _("not answered")
        ANSWERED = "answered", _("answered")

    activity = models.ForeignKey(
        Activity,
        verbose_name=_("call"),
        on_delete=models.CASCADE,
        related_name="legs",
        db_index=False,
    )
    extension = IdentifierField(_("extension"), max_length=64)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.RINGING
    )
    agent_id = IdentifierField(
        _("agent id"), max_length=255, blank=True, help_text=_("The CRM's id of the user.")
    )
    agent_name = models.CharField(_("agent"), max_length=255, blank=True)
    # As sent for this phone. The call takes the values of the phone that was answered.
    direction = models.CharField(
        max_length=16, choices=Direction.choices, blank=True, editable=False
    )
    caller_number = models.CharField(max_length=255, blank=True, editable=False)
    called_number = models.CharField(max_length=255, blank=True, editable=False)
    start = models.DateTimeField(_("start"), null=True, blank=True)
    end = models.DateTimeField(_("end"), null=True, blank=True)
    duration = models.PositiveIntegerField(
        _("duration"), null=True, blank=True, help_text=_("Talk time in seconds.")
    )
    cause = models.CharField(_("cause"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("call leg")
        verbose_name_plural = _("call legs")
        ordering = ("start", "extension")
        constraints = [
            models.UniqueConstraint(
                fields=["activity", "extension"], name="ringotel_unique_call_leg"
            )
        ]
        indexes = [models.Index(fields=["agent_id", "activity"], name="ringotel_leg_agent")]

    def __str__(self) -> str:
        return f"{self.agent_name or self.extension}: {self.get_status_display()}"
