"""Numbers of calls of past days, for the overview."""

from __future__ import annotations

from django.db import models

from ..records import Direction
from .fields import IdentifierField, tenant_field


class HourTotal(models.Model):
    """The calls of one direction that started in an hour, or in a part of it."""

    start = models.DateTimeField()
    tenant = tenant_field()
    direction = models.CharField(max_length=16, choices=Direction.choices)
    calls = models.PositiveIntegerField()
    answered = models.PositiveIntegerField()
    unanswered = models.PositiveIntegerField()
    # Seconds until an answer, and the number of calls for which these are known.
    waited = models.PositiveBigIntegerField()
    timed = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["start", "tenant", "direction"], name="ringotel_unique_hour_total"
            )
        ]

    def __str__(self) -> str:
        return f"{self.start} {self.direction}"


class AgentTotal(models.Model):
    """The calls of one agent, or of none, on a day that begins at ``start``."""

    start = models.DateTimeField()
    tenant = tenant_field()
    agent = IdentifierField(max_length=255, blank=True)
    name = models.CharField(max_length=255, blank=True)
    calls = models.PositiveIntegerField()
    # Talk time.
    seconds = models.PositiveBigIntegerField()
    inbound_answered = models.PositiveIntegerField()
    inbound_unanswered = models.PositiveIntegerField()
    outbound_answered = models.PositiveIntegerField()
    outbound_unanswered = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["start", "tenant", "agent"], name="ringotel_unique_agent_total"
            )
        ]

    def __str__(self) -> str:
        return f"{self.start} {self.name}"
