"""Contacts in the admin: searching them, and the URLs of their pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .. import phone
from ..backends import Backend
from ..backends.base import ContactDirectory
from ..models import Activity
from .base import admin_url, backend_for
from .linking import CALL

MAX_CONTACTS = 20


def contact_directories(backend: Backend) -> list[type[ContactDirectory]]:
    """Return the backend's contact directories, one per model."""
    return [
        directory
        for directory in backend.contacts.component_classes()
        if issubclass(directory, ContactDirectory) and directory.model
    ]


def contact_admins(site: AdminSite | None, backend: Backend) -> list[ModelAdmin[Any]]:
    """Return the model admins of the contact models that are registered in ``site``."""
    if site is None:
        return []
    models = [directory.model for directory in contact_directories(backend)]
    return [site.get_model_admin(model) for model in models if model and site.is_registered(model)]


def contact_url(request: HttpRequest, site: AdminSite, contact_id: str) -> str:
    """Return the URL of a contact's page: in ``site`` if its model is registered there,
    otherwise as the backend defines it; "" if it has none.
    """
    contacts = backend_for(request).contacts
    model, key = contacts.to_reference(contact_id)
    if model is None or not site.is_registered(model):
        return contacts.url(contact_id)
    return admin_url(site, f"{model._meta.app_label}_{model._meta.model_name}_change", quote(key))


def search_contacts(request: HttpRequest, site: AdminSite, text: str) -> Iterator[QuerySet[Any]]:
    """Yield a queryset of matching contacts per contact model that the user may view.

    A phone number in any format matches exactly; other text is searched as the model's own admin
    does. A queryset may contain an object twice.
    """
    if not text.strip() or "\0" in text:
        return
    contacts = backend_for(request).contacts
    numbers = phone.candidates(text)
    found = contacts.find(numbers) if numbers else []
    references = {contacts.to_reference(contact.id) for _number, contact in found}
    for model_admin in contact_admins(site, backend_for(request)):
        if not model_admin.has_view_permission(request):
            continue
        rows = model_admin.get_queryset(request)
        if numbers:
            keys = {key for model, key in references if model is model_admin.model}
            rows = rows.filter(pk__in=keys)
        else:
            rows, _may_repeat = model_admin.get_search_results(request, rows, text)
        yield rows


def find_contacts(request: HttpRequest, site: AdminSite, text: str) -> list[tuple[str, Model]]:
    """Return the first contacts that match ``text``, as pairs of backend id and object."""
    contacts: list[Model] = []
    for rows in search_contacts(request, site, text):
        # Searches may return an object twice.
        contacts += {contact.pk: contact for contact in rows[: MAX_CONTACTS * 2]}.values()
    directory = backend_for(request).contacts
    return [
        (directory.from_reference(type(contact), str(contact.pk)), contact)
        for contact in contacts[:MAX_CONTACTS]
    ]


def add_contact_url(
    request: HttpRequest,
    site: AdminSite | None,
    *,
    name: str = "",
    number: str = "",
    call: Activity | None = None,
) -> str:
    """Return the URL of the form for a new contact, with ``name`` and ``number`` filled in.

    ``call`` is assigned to the contact when it is saved, and its page is shown next. Returns "" if
    the backend does not create contacts, or if the user may not add one.
    """
    backend = backend_for(request)
    creating = [d.model for d in contact_directories(backend) if d.can_create]
    for model_admin in contact_admins(site, backend):
        if model_admin.model not in creating or not model_admin.has_add_permission(request):
            continue
        meta = model_admin.opts
        url = admin_url(model_admin.admin_site, f"{meta.app_label}_{meta.model_name}_add")
        get_initial = getattr(model_admin, "get_ringotel_initial", None)
        query = get_initial(request, name, phone.display(number)) if get_initial else {}
        if call:
            query = {**query, CALL: call.pk}
        return f"{url}?{urlencode(query)}" if query else url
    return ""
