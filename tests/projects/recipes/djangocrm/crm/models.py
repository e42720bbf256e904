"""The fields of DjangoCRM that the recipe maps."""

from __future__ import annotations

from django.db import models


class Counterparty(models.Model):
    creation_date = models.DateTimeField(auto_now_add=True)
    update_date = models.DateTimeField(auto_now=True)
    email = models.CharField(max_length=200)
    phone = models.CharField(max_length=100, blank=True, default="")
    website = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        abstract = True


class Person(Counterparty):
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100, blank=True, default="")
    title = models.CharField(max_length=100, null=True, blank=True)
    secondary_email = models.EmailField(blank=True, default="")
    other_phone = models.CharField(max_length=100, blank=True, default="")
    mobile = models.CharField(max_length=100, blank=True, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Company(Counterparty):
    full_name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.full_name


class Contact(Person):
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="contacts")


class Lead(Person):
    company_name = models.CharField(max_length=200, blank=True, default="")
    company_phone = models.CharField(max_length=20, blank=True, default="")
