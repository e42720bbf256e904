"""The site of two tenants, and a view of all rows that the database shows to one."""

from __future__ import annotations

from typing import Any

import django.apps
from django.http import HttpRequest, JsonResponse
from django.urls import path

from ringotel_crm.backends import get_backend
from ringotel_crm.records import Actor
from tests.projects.standalone.urls import urlpatterns as site


def rows(request: HttpRequest) -> JsonResponse:
    """Return the last names of all contacts, without a filter."""
    get_backend(Actor(user=None, tenant=request.GET["tenant"]))
    apps: Any = django.apps.apps  # the models have the names of another CRM
    contacts = apps.get_model("contacts", "Contact")._default_manager
    names = contacts.values_list("last_name", flat=True)
    return JsonResponse({"results": [{"last_name": name} for name in names]})


urlpatterns = [*site, path("rows/", rows)]
