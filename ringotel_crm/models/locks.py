"""Locks."""

from __future__ import annotations

from django.db import models

from .fields import IdentifierField


class Lock(models.Model):
    """A named lock. See :func:`ringotel_crm.services.locks.acquire`."""

    name = IdentifierField(max_length=100, primary_key=True)
    acquired_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
