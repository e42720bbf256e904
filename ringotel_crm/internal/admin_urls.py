"""URLs in the admin sites of the URLconf. Works without ``django.contrib.admin``, too."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch, get_resolver, get_urlconf, reverse

from ..conf import conf


def admin_site_names() -> list[str]:
    """Return the names of the admin sites: ``ADMIN_SITE``, the default site, then the others, in
    the order in which Django prefers them: the last of the URLconf first.
    """
    names = get_resolver(get_urlconf()).app_dict.get("admin", [])
    return sorted(names, key=lambda name: (name != conf.ADMIN_SITE, name != "admin"))


def reverse_admin_url(name: str, *args: Any, site_name: str = "") -> str:
    """Reverse the admin URL ``name``, such as "ringotel_crm_activity_changelist", in the site
    ``site_name``, or in the first site that has such a page. Returns "" without one.
    """
    for site in sorted(admin_site_names(), key=lambda site: site != site_name):
        try:
            return reverse(f"admin:{name}", args=args, current_app=site)
        except NoReverseMatch:
            continue
    return ""


def admin_change_url(model: type[Model], key: Any, site_name: str = "") -> str:
    """Return the URL of an object's page, like :func:`reverse_admin_url`."""
    from django.contrib.admin.utils import quote

    name = f"{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse_admin_url(name, quote(key), site_name=site_name)
