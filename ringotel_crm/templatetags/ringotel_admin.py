"""Template tags of the staff pages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django import template
from django.contrib.admin.sites import all_sites
from django.template.loader import render_to_string

from ..internal.admin_urls import reverse_admin_url

register = template.Library()


@register.simple_tag(takes_context=True)
def ringotel_admin_url(context: template.Context, name: str, *args: Any) -> str:
    """Return the URL of an admin page: in the current site if it has the page, else in another."""
    request: Any = context["request"]
    site_name = getattr(request, "current_app", None) or request.resolver_match.namespace
    return reverse_admin_url(name, *args, site_name=site_name)


@register.simple_tag(takes_context=True)
def ringotel_desk(context: template.Context) -> str:
    """Render the desk of the user, for the index of an admin site; "" without the permission."""
    # By name, because imports point down.
    desk_context = import_module("ringotel_crm.admin.desk").desk_context
    request: Any = context["request"]
    site = next((site for site in all_sites if site.name == request.resolver_match.namespace), None)
    desk = desk_context(request, site) if site else {}
    return render_to_string("admin/ringotel_crm/desk.html", desk, request) if desk else ""
