from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models


class Team(models.Model):
    """The groups of the site."""

    name = models.CharField(max_length=100, unique=True)

    objects: Any = models.Manager()


class Grant(models.Model):
    """A permission of a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="grants")
    permission = models.CharField(max_length=100)

    objects: Any = models.Manager()


class Account(AbstractUser):
    groups = models.ManyToManyField(Team, blank=True)  # type: ignore[assignment]
