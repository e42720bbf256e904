"""Tables of the less usual kinds that CRMs have."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models


class Party(models.Model):
    """The parent of a multi-table inheritance, which has the number."""

    title = models.CharField(max_length=100)
    telephone = models.CharField(max_length=40, blank=True)


class Customer(Party):
    """The child, which is the contact."""

    town = models.CharField(max_length=100, blank=True)


class Keyed(models.Model):
    """A key that is text, and looks as if it were made of several parts."""

    code = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=100)
    digits = models.BigIntegerField(null=True)


class Account(models.Model):
    """A company whose number is its people's."""

    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=40, blank=True)


class Member(models.Model):
    """A person of an account, which is required."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    name = models.CharField(max_length=100)


class Subscriber(models.Model):
    """Required, unique, and particular: what models refuse in their several ways."""

    name = models.CharField(max_length=100)
    email = models.EmailField()
    phone = models.CharField(max_length=40, unique=True, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "email"], name="one_subscription_each")
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.email.endswith("@example.org"):
            raise ValidationError("We do not write there.")
        super().save(*args, **kwargs)


class Line(models.Model):
    """A number of a row of any table."""

    # Apps without migrations get their tables before content types have one.
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, db_constraint=False)
    object_id = models.PositiveBigIntegerField()
    owner = GenericForeignKey()
    label = models.CharField(max_length=10)
    digits = models.CharField(max_length=40)


class Patron(models.Model):
    """Somebody with such numbers."""

    name = models.CharField(max_length=100)
    lines = GenericRelation(Line)


class Elsewhere(models.Model):
    """In another database."""

    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=40, blank=True)


class Router:
    """Sends the last one there."""

    def db_for_read(self, model: type[models.Model], **hints: object) -> str | None:
        return "other" if model is Elsewhere else None

    db_for_write = db_for_read

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: object
    ) -> bool:
        return db == ("other" if model_name == "elsewhere" else "default")
