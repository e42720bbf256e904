from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Team(models.Model):
    """The groups of the site."""

    name = models.CharField(max_length=100, unique=True)


class Grant(models.Model):
    """A permission of a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="grants")
    permission = models.CharField(max_length=100)


class Account(AbstractUser):
    groups = models.ManyToManyField(Team, blank=True)  # type: ignore[assignment]
