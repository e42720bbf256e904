"""The tables of the mini-CRM mapped as a host's own: both pass the tests of the hooks."""

from __future__ import annotations

from ringotel_crm.backends.mapping import PhoneTable
from ringotel_crm.backends.model import (
    ModelBackend,
    ModelContactDirectory,
    ModelOrganizationDirectory,
)
from ringotel_crm.minicrm.models import Contact, Organization, PhoneKind


class Contacts(ModelContactDirectory):
    model = Contact
    first_name = "first_name"
    last_name = "last_name"
    email = "email"
    job_title = "job_title"
    company_name = "organization__name"
    phone_table = PhoneTable(
        relation="phones",
        number="raw",
        kind="kind",
        kinds={
            PhoneKind.WORK: "phone",
            PhoneKind.HOME: "phone",
            PhoneKind.OTHER: "phone",
            PhoneKind.MOBILE: "mobile",
        },
    )
    created_at = "created_at"
    updated_at = "updated_at"


class Organizations(ModelOrganizationDirectory):
    model = Organization
    name = "name"
    phones = {"phone": "phone"}
    email = "email"
    website = "website"
    main_contact = "main_contact"
    updated_at = "updated_at"


class MappedBackend(ModelBackend):
    contact_directory = Contacts
    organization_directory = Organizations
