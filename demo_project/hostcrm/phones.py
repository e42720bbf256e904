"""Where our data stand, for ringotel_crm."""

from __future__ import annotations

from functools import cached_property

from django.db.models import QuerySet

from demo_project.hostcrm.models import Company, Lead, Person, Staff
from ringotel_crm.backends.composite import CompositeContactDirectory
from ringotel_crm.backends.mapping import PhoneTable
from ringotel_crm.backends.model import (
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
    ModelUserDirectory,
)


class People(ModelContactDirectory):
    """Customers."""

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
    """People who may become customers."""

    model = Lead
    tenant = "branch__code"
    name = "full_name"
    email = "email"
    phones = {"phone": "telephone"}
    created_at = "created"


class Contacts(CompositeContactDirectory):
    """A customer answers before a lead with the same number."""

    parts = {"person": People, "lead": Leads}


class Companies(ModelOrganizationDirectory):
    """Customers that are companies."""

    model = Company
    tenant = "branch__code"
    name = "name"
    phones = {"phone": "switchboard"}
    website = "website"


class Colleagues(ModelUserDirectory):
    """Employees with a desk, whose user is active."""

    model = Staff
    tenant = "branch__code"
    first_name = "user__first_name"
    last_name = "user__last_name"
    email = "user__email"
    extension = "desk"
    user = "user"
    phones = {"phone": "direct_line"}

    def get_queryset(self) -> QuerySet[Staff]:
        """Without those who left."""
        return super().get_queryset().filter(user__is_active=True)


class HostBackend(ModelBackend):
    """``RINGOTEL_CRM["BACKEND"]``."""

    contact_directory = Contacts
    organization_directory = Companies
    user_directory = Colleagues

    @cached_property
    def tenant(self) -> str:
        """The branch that the key was issued for, else that of the employee who asks."""
        if self.actor.tenant:
            return self.actor.tenant
        codes = Staff.objects.filter(user=self.actor.user).values_list("branch__code", flat=True)
        return codes.first() or ""
