"""Contacts of NetBox."""

from __future__ import annotations

from tenancy.models import Contact

from ringotel_crm.backends.model import ModelBackend, ModelContactDirectory


class Contacts(ModelContactDirectory):
    model = Contact
    name = "name"
    job_title = "title"
    email = "email"
    phones = {"phone": "phone"}
    created_at = "created"
    updated_at = "last_updated"
    url_name = "tenancy:contact"


class Backend(ModelBackend):
    contact_directory = Contacts
