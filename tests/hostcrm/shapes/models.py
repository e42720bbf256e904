"""Unusual models of contacts."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models


class Party(models.Model):
    """Parent in multi-table inheritance, with the phone number."""

    title = models.CharField(max_length=100)
    telephone = models.CharField(max_length=40, blank=True)


class Customer(Party):
    """Child in multi-table inheritance: the contact."""

    town = models.CharField(max_length=100, blank=True)


class Keyed(models.Model):
    """Has a text key with special characters, and numbers as integers."""

    code = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=100)
    digits = models.BigIntegerField(null=True)


class Account(models.Model):
    """A company with the phone number of all its members."""

    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=40, blank=True)


class Member(models.Model):
    """A person with a required account."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    name = models.CharField(max_length=100)


class Subscriber(models.Model):
    """Has a required field, unique fields and constraints, and a ``save()`` that validates."""

    name = models.CharField(max_length=100)
    email = models.EmailField()
    phone = models.CharField(max_length=40, unique=True, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "email"], name="one_subscription_each")
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.email.endswith("@example.org"):
            raise ValidationError("Enter another address.")
        super().save(*args, **kwargs)


class Line(models.Model):
    """A phone number of a row of any model."""

    # No constraint: apps without migrations get their tables before content types.
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, db_constraint=False)
    object_id = models.PositiveBigIntegerField()
    owner = GenericForeignKey()
    label = models.CharField(max_length=10)
    digits = models.CharField(max_length=40)


class Patron(models.Model):
    """A contact with a generic phone table."""

    name = models.CharField(max_length=100)
    lines = GenericRelation(Line)


class Elsewhere(models.Model):
    """A contact in another database."""

    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=40, blank=True)


class Router:
    """Routes :class:`Elsewhere` to the other database."""

    def db_for_read(self, model: type[models.Model], **hints: object) -> str | None:
        return "other" if model is Elsewhere else None

    db_for_write = db_for_read

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: object
    ) -> bool:
        return db == ("other" if model_name == "elsewhere" else "default")
