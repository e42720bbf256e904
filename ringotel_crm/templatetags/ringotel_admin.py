"""Template tag of the staff pages."""

from __future__ import annotations

from typing import Any

from django import template

from ..internal.admin_urls import reverse_admin_url

register = template.Library()


@register.simple_tag(takes_context=True)
def ringotel_admin_url(context: template.Context, name: str, *args: Any) -> str:
    """Return the URL of an admin page: in the current site if it has the page, else in another."""
    request: Any = context["request"]
    site_name = getattr(request, "current_app", None) or request.resolver_match.namespace
    return reverse_admin_url(name, *args, site_name=site_name)
