"""The fields of Horilla that the recipe maps."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone


class Company(models.Model):
    name = models.CharField(max_length=255)

    def __str__(self) -> str:
        return self.name


class HorillaUser(AbstractUser):
    company = models.ForeignKey(Company, on_delete=models.SET_NULL, null=True, blank=True)


class CompanyFilteredManager(models.Manager[Any]):
    """Selects the company of the current request. Here, there never is one."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class HorillaCoreModel(models.Model):
    company = models.ForeignKey(Company, on_delete=models.CASCADE, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = CompanyFilteredManager()
    all_objects = models.Manager()

    class Meta:
        abstract = True
