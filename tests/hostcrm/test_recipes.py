"""The recipes of ``docs/stack.rst`` that are not tied to a CRM."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from docs.recipes import own_site, session_tenant
from ringotel_crm.models import Activity
from ringotel_crm.records import Actor


@pytest.mark.parametrize(("key", "expected"), [("", "north"), ("south", "south")])
def test_tenant_is_that_of_the_key_or_of_the_session(key: str, expected: str) -> None:
    request: Any = RequestFactory().get("/")
    request.user, request.session = AnonymousUser(), {"tenant": "north"}
    tenants = []

    def view(request: HttpRequest) -> HttpResponse:
        actor = Actor(user=request.user, tenant=key)
        tenants.append(session_tenant.Backend(actor).tenant)
        return HttpResponse()

    session_tenant.tenant_middleware(view)(request)

    assert tenants == [expected]


def test_own_site_has_the_calls() -> None:
    assert own_site.site.is_registered(Activity)
