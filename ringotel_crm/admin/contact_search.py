"""Contacts in the admin: searching them, and the URLs of their pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.utils import quote
from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from .. import phone
from ..backends import Backend
from ..backends.base import ContactDirectory
from ..models import Activity
from ..services.contacts.phone_index import keys_ending_in
from .base import LargeTableAdmin, admin_url, backend_for
from .changelist import mark_incomplete
from .linking import CALL

MAX_CONTACTS = 20
# Contacts whose calls or conversations are looked up.
MAX_CONTACTS_SEARCHED = 1000


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


def may_change(request: HttpRequest, site: AdminSite, model: type[Model]) -> bool:
    """Return whether the user may change contacts of ``model``: as its admin in ``site`` decides,
    or by Django's permission.
    """
    if site.is_registered(model):
        return site.get_model_admin(model).has_change_permission(request)
    codename = get_permission_codename("change", model._meta)
    return bool(request.user.has_perm(f"{model._meta.app_label}.{codename}"))


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

    Text is searched as the model's own admin does. A number is looked up by index: in any format,
    and by its last digits. A queryset may contain an object twice.
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
        keys = {key for model, key in references if model is model_admin.model}
        keys.update(keys_ending_in(model_admin.model, text))
        # The admin of the mini-CRM searches numbers by index, other admins may scan the table.
        if (keys or numbers) and not isinstance(model_admin, LargeTableAdmin):
            yield rows.filter(pk__in=keys)
        elif model_admin.get_search_fields(request):
            yield model_admin.get_search_results(request, rows, text)[0]


def contact_conditions(request: HttpRequest, site: AdminSite, text: str) -> Iterator[Q]:
    """Yield the conditions for rows that refer to a contact that matches ``text``.

    At most :data:`MAX_CONTACTS_SEARCHED` contacts are looked up; the list reports if there are
    more.
    """
    for contacts in search_contacts(request, site, text):
        # Searches may return an object twice.
        keys = contacts.order_by().values_list("pk", flat=True)[: MAX_CONTACTS_SEARCHED * 2]
        ids = list(dict.fromkeys(map(str, keys)))
        if len(ids) > MAX_CONTACTS_SEARCHED:
            mark_incomplete(request)
        content_type = ContentType.objects.get_for_model(contacts.model)
        yield Q(contact_type=content_type, contact_id__in=ids[:MAX_CONTACTS_SEARCHED])


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
