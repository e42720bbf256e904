"""Pages of contacts that a user can open: in the host's site or in the admin."""

from __future__ import annotations

from django.http import HttpRequest

from .. import phone
from .base import admin_url, backend_for
from .contact_search import add_contact_url
from .sites import admin_sites, contact_site


def contact_page(request: HttpRequest, contact_id: str) -> str:
    """Return the URL of the contact's page, "" without one that the user can open."""
    return _if_reachable(request, backend_for(request).contacts.url(contact_id))


def new_contact_page(request: HttpRequest, *, name: str, number: str) -> str:
    """Return the URL of the form for a new contact with ``name`` and ``number`` filled in.

    Returns "" if the backend does not create contacts, or without a form that the user can open.
    """
    contacts = backend_for(request).contacts
    if not (contacts.can_create and number):
        return ""
    if url := contacts.add_url(name=name, number=phone.display(number)):
        return _if_reachable(request, url)
    site = contact_site(backend_for(request))
    if site is None or not site.has_permission(request):
        return ""
    return add_contact_url(request, site, name=name, number=number)


def _if_reachable(request: HttpRequest, url: str) -> str:
    """Return ``url``, or "" if it leads to an admin site that the user may not open."""
    for site in admin_sites():
        if url.startswith(admin_url(site, "index")) and not site.has_permission(request):
            return ""
    return url
