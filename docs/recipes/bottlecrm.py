"""Contacts and leads of BottleCRM, one tenant per organization, with row-level security."""

from __future__ import annotations

from functools import cached_property

from accounts.models import Account
from common.models import Profile
from contacts.models import Contact
from leads.models import Lead

from ringotel_crm.backends.composite import CompositeContactDirectory
from ringotel_crm.backends.model import (
    ModelContactDirectory,
    ModelOrganizationDirectory,
    ModelUserDirectory,
)

from .row_level_security import Backend as RowLevelSecurityBackend


class Person(ModelContactDirectory):
    """The fields that contacts and leads have in common."""

    tenant = "org_id"
    first_name = "first_name"
    last_name = "last_name"
    email = "email"
    phones = {"phone": "phone"}
    created_at = "created_at"
    updated_at = "updated_at"
    optional = ("last_name",)


class Contacts(Person):
    model = Contact
    job_title = "title"
    company_name = ("account__name", "organization")


class Leads(Person):
    model = Lead
    job_title = "job_title"
    company_name = "company_name"


class People(CompositeContactDirectory):
    parts = {"contact": Contacts, "lead": Leads}


class Accounts(ModelOrganizationDirectory):
    model = Account
    tenant = "org_id"
    name = "name"
    email = "email"
    website = "website"
    phones = {"phone": "phone"}


class Users(ModelUserDirectory):
    model = Profile
    tenant = "org_id"
    name = "user__name"
    email = "user__email"
    phones = {"phone": "phone"}
    extension = "user__ringotel_agent__extension"
    user = "user"


class Backend(RowLevelSecurityBackend):
    contact_directory = People
    organization_directory = Accounts
    user_directory = Users

    @cached_property
    def tenant(self) -> str:
        """The organization of the API key, else that of a user who has only one."""
        if self.actor.tenant:
            return self.actor.tenant
        profiles = Profile.objects.filter(user=self.actor.user, is_active=True)
        organizations = profiles.values_list("org_id", flat=True)[:2]
        return str(organizations[0]) if len(organizations) == 1 else ""
