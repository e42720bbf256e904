"""Checkpoints."""

from __future__ import annotations

from django.db import models

from .fields import IdentifierField, tenant_field


class Checkpoint(models.Model):
    """Position at which the next run of a command resumes for a tenant."""

    tenant = tenant_field()
    name = IdentifierField(max_length=64)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="ringotel_unique_checkpoint")
        ]

    def __str__(self) -> str:
        return self.name
