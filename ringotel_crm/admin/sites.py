"""Admin sites: those of the URLconf, and registering models in them."""

from __future__ import annotations

from typing import Any, TypeAlias

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Model
from django.urls import get_script_prefix, resolve, reverse

from ..backends import Backend
from ..internal.admin_urls import admin_site_names
from .contact_search import contact_admins

ModelAdmins: TypeAlias = "list[tuple[type[Model], type[ModelAdmin[Any]]]]"


def register_models(
    site: AdminSite, model_admins: ModelAdmins, *bases: type[ModelAdmin[Any]]
) -> None:
    """Register the models in ``site`` with their admin classes, which ``bases`` are added to.

    A model that is registered with another admin class is left alone.
    """
    for model, admin_class in model_admins:
        if site.is_registered(model):
            if type(site.get_model_admin(model)) is not admin_class:
                continue
            site.unregister(model)
        combined = type(admin_class.__name__, (admin_class, *bases), {}) if bases else admin_class
        site.register(model, combined)


def admin_sites() -> list[AdminSite]:
    """Return the admin sites of the URLconf, the preferred one first."""
    sites = []
    for name in admin_site_names():
        path = reverse("admin:index", current_app=name)
        view: Any = resolve(f"/{path.removeprefix(get_script_prefix())}").func
        sites.append(view.admin_site)
    return sites


def contact_site(backend: Backend) -> AdminSite | None:
    """Return the first site that shows contacts, else the first site; None without a site."""
    sites = admin_sites()
    return next((site for site in sites if contact_admins(site, backend)), next(iter(sites), None))
