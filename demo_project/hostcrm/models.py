"""A CRM with tenants, soft deletion, and phone numbers as free text in three tables."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from ringotel_crm.models import CallRelation


class Branch(models.Model):
    """A tenant: its customers are visible to its own staff only."""

    code = models.SlugField(unique=True)

    def __str__(self) -> str:
        return self.code


class Staff(models.Model):
    """Profile of an employee, with the extension of the desk."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staff"
    )
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT)
    desk = models.CharField(max_length=10, blank=True)
    direct_line = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return str(self.user)


class Company(models.Model):
    """A company that is a customer."""

    branch = models.ForeignKey(Branch, on_delete=models.PROTECT)
    name = models.CharField(max_length=200)
    switchboard = models.CharField(max_length=40, blank=True)
    website = models.URLField(blank=True)

    def __str__(self) -> str:
        return self.name


class PersonManager(models.Manager["Person"]):
    """Excludes deleted people."""

    def get_queryset(self) -> models.QuerySet[Person]:
        return super().get_queryset().filter(deleted_at=None)


class Person(models.Model):
    """A customer. Deleted rows are hidden and not removed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT)
    given_name = models.CharField(max_length=80, blank=True)
    surname = models.CharField(max_length=80, blank=True)
    email = models.EmailField(blank=True)
    position = models.CharField(max_length=80, blank=True)
    company = models.ForeignKey(
        Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="people"
    )
    employer = models.CharField(
        max_length=200, blank=True, help_text="Used if the company is not a customer."
    )
    office_phone = models.CharField(max_length=40, blank=True)
    cell = models.CharField(max_length=40, blank=True)
    owners = models.ManyToManyField(Staff, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    calls = CallRelation()

    objects = PersonManager()
    with_deleted: models.Manager[Person] = models.Manager()

    def __str__(self) -> str:
        return f"{self.given_name} {self.surname}".strip()

    def get_absolute_url(self) -> str:
        return reverse("person", args=[self.pk])

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Hide the row instead of deleting it."""
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at"])
        return 1, {self._meta.label: 1}


class PersonNumber(models.Model):
    """An additional number of a person."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="numbers")
    label = models.CharField(
        max_length=10, choices=[("work", "work"), ("cell", "cell"), ("home", "home")]
    )
    digits = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.digits


class Lead(models.Model):
    """A potential customer."""

    branch = models.ForeignKey(Branch, on_delete=models.PROTECT)
    full_name = models.CharField(max_length=160)
    email = models.EmailField(blank=True)
    telephone = models.CharField(max_length=40, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.full_name
