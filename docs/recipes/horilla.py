"""Contacts of Horilla CRM, one tenant per company, with accounts in a relation table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from horilla_crm.accounts.models import Account
from horilla_crm.contacts.models import Contact, ContactAccountRelationship

from ringotel_crm.backends.model import (
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
)
from ringotel_crm.records import ContactInput, ContactRecord


class Contacts(ModelContactDirectory):
    model = Contact
    tenant = "company_id"
    first_name = "first_name"
    last_name = "last_name"
    job_title = "title"
    email = "email"
    phones = {"phone": ("phone", "secondary_phone")}
    created_at = "created_at"
    updated_at = "updated_at"
    optional = ("last_name", "email")

    @classmethod
    def all_rows(cls) -> QuerySet[Any]:
        """The default manager selects the company of the current request."""
        return Contact.all_objects.all()

    def get_queryset(self) -> QuerySet[Any]:
        """Add the name of the contact's first account."""
        relations = ContactAccountRelationship.all_objects.filter(contact=OuterRef("pk"))
        name = relations.order_by("pk").values("account__name")[:1]
        return super().get_queryset().annotate(account_name=Subquery(name))

    @classmethod
    def columns(cls) -> set[str]:
        return super().columns() | {"account_name"}

    def to_record(self, row: Mapping[str, Any], numbers: Mapping[str, Any]) -> ContactRecord:
        return replace(super().to_record(row, numbers), company_name=row["account_name"] or "")

    def build_instance(self, draft: ContactInput) -> Any:
        """A contact belongs to the user who creates it."""
        contact = super().build_instance(draft)
        contact.contact_owner = self.backend.actor.user
        return contact


class Accounts(ModelOrganizationDirectory):
    model = Account
    tenant = "company_id"
    name = "name"
    website = "website"
    phones = {"phone": "phone"}

    @classmethod
    def all_rows(cls) -> QuerySet[Any]:
        return Account.all_objects.all()


class Backend(ModelBackend):
    contact_directory = Contacts
    organization_directory = Accounts

    @cached_property
    def tenant(self) -> str:
        """The company of the API key, else that of the user."""
        return self.actor.tenant or str(getattr(self.actor.user, "company_id", None) or "")
