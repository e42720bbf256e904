"""Pages of contacts that a user can open: in the host's site or in the admin."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from .. import phone
from .base import backend_for, default_admin_site
from .contact_search import add_contact_url


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
    if not may_open_admin(request):
        return ""
    return add_contact_url(request, default_admin_site(), name=name, number=number)


def may_open_admin(request: HttpRequest) -> bool:
    """Return whether the site has an admin that the user may open."""
    try:
        return default_admin_site().has_permission(request)
    except NoReverseMatch:
        return False


def _if_reachable(request: HttpRequest, url: str) -> str:
    """Return ``url``, or "" if it leads to the admin and the user may not open it."""
    if not url or may_open_admin(request):
        return url
    try:
        return "" if url.startswith(reverse("admin:index")) else url
    except NoReverseMatch:
        return url
