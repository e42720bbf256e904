"""Contacts and leads of DjangoCRM.

An unknown caller becomes a lead, because a contact needs a company.
"""

from __future__ import annotations

from common.models import UserProfile
from crm.models import Company, Contact, Lead

from ringotel_crm.backends.composite import CompositeContactDirectory
from ringotel_crm.backends.model import (
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
    ModelUserDirectory,
)


class Person(ModelContactDirectory):
    """The fields that contacts and leads have in common."""

    first_name = "first_name"
    last_name = "last_name"
    job_title = "title"
    email = ("email", "secondary_email")
    phones = {"phone": ("phone", "other_phone"), "mobile": "mobile"}
    created_at = "creation_date"
    updated_at = "update_date"
    optional = ("email",)


class Contacts(Person):
    model = Contact
    company_name = "company__full_name"
    can_create = False


class Leads(Person):
    model = Lead
    company_name = "company_name"
    phones = {**Person.phones, "": "company_phone"}


class People(CompositeContactDirectory):
    parts = {"contact": Contacts, "lead": Leads}
    creates = "lead"


class Companies(ModelOrganizationDirectory):
    model = Company
    name = "full_name"
    email = "email"
    website = "website"
    phones = {"phone": "phone"}
    optional = ("email",)


class Users(ModelUserDirectory):
    model = UserProfile
    first_name = "user__first_name"
    last_name = "user__last_name"
    email = "user__email"
    extension = "pbx_number"
    user = "user"


class Backend(ModelBackend):
    contact_directory = People
    organization_directory = Companies
    user_directory = Users
