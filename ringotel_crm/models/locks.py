"""Locks."""

from __future__ import annotations

from django.db import models


class Lock(models.Model):
    """A row that stands for something only one request at a time may do. See ``services.locks``."""

    name = models.CharField(max_length=100, primary_key=True)
    acquired_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
