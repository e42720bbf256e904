"""The site of two tenants, and a view of all rows that the database shows to one."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.http import HttpRequest, JsonResponse
from django.urls import path

from ringotel_crm.backends import get_backend
from ringotel_crm.records import Actor
from tests.projects.standalone.urls import urlpatterns as site


def rows(request: HttpRequest) -> JsonResponse:
    """Return the last names of all contacts, without a filter."""
    get_backend(Actor(user=None, tenant=request.GET["tenant"]))
    contacts: Any = apps.get_model("contacts", "Contact")._default_manager
    return JsonResponse(
        {"results": [{"last_name": name} for (name,) in contacts.values_list("last_name")]}
    )


urlpatterns = [*site, path("rows/", rows)]
