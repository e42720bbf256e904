"""Tables of the less usual kinds that CRMs have."""

from __future__ import annotations

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


class Elsewhere(models.Model):
    """In another database."""

    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=40, blank=True)


class Router:
    """Sends the last one there."""

    def db_for_read(self, model: type[models.Model], **hints: object) -> str | None:
        return "other" if model is Elsewhere else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: object) -> bool:
        return db == ("other" if model_name == "elsewhere" else "default")
