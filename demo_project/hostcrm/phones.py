"""The backend of ringotel_crm for the models of this site."""

from __future__ import annotations

from functools import cached_property

from django.db.models import QuerySet

from ringotel_crm.backends.composite import CompositeContactDirectory
from ringotel_crm.backends.mapping import PhoneTable
from ringotel_crm.backends.model import (
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
    ModelUserDirectory,
)

from .models import Company, Lead, Person, Staff


class People(ModelContactDirectory):
    """Maps ``Person``."""

    model = Person
    tenant = "branch__code"
    first_name = "given_name"
    last_name = "surname"
    email = "email"
    job_title = "position"
    company_name = ("company__name", "employer")
    phones = {"phone": "office_phone", "mobile": "cell"}
    phone_table = PhoneTable(
        relation="numbers",
        number="digits",
        kind="label",
        kinds={"work": "phone", "home": "phone", "cell": "mobile"},
    )
    created_at = "created"
    updated_at = "modified"
    url_name = "person"


class Leads(ModelContactDirectory):
    """Maps ``Lead``."""

    model = Lead
    tenant = "branch__code"
    name = "full_name"
    email = "email"
    phones = {"phone": "telephone"}
    created_at = "created"


class Contacts(CompositeContactDirectory):
    """People are preferred to leads with the same number."""

    parts = {"person": People, "lead": Leads}


class Companies(ModelOrganizationDirectory):
    """Maps ``Company``."""

    model = Company
    tenant = "branch__code"
    name = "name"
    phones = {"phone": "switchboard"}
    website = "website"


class Colleagues(ModelUserDirectory):
    """Maps ``Staff``."""

    model = Staff
    tenant = "branch__code"
    first_name = "user__first_name"
    last_name = "user__last_name"
    email = "user__email"
    extension = "desk"
    user = "user"
    phones = {"phone": "direct_line"}

    def get_queryset(self) -> QuerySet[Staff]:
        """Return employees with an active user."""
        return super().get_queryset().filter(user__is_active=True)


class HostBackend(ModelBackend):
    """The value of ``RINGOTEL_CRM["BACKEND"]``."""

    contact_directory = Contacts
    organization_directory = Companies
    user_directory = Colleagues

    @cached_property
    def tenant(self) -> str:
        """The branch of the API key, else of the actor's staff profile."""
        if self.actor.tenant:
            return self.actor.tenant
        codes = Staff.objects.filter(user=self.actor.user).values_list("branch__code", flat=True)
        return codes.first() or ""
