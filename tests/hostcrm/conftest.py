"""Tests of ``demo_project.hostcrm``.

Run them with ``DJANGO_SETTINGS_MODULE=tests.projects.hostcrm.settings``.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.models import ApiKey
from tests.api import Api

if not apps.is_installed("demo_project.hostcrm"):
    collect_ignore_glob = ["test_*.py"]


def make_api(tenant: str) -> Api:
    """Return a client with an API key for this branch."""
    _key, token = ApiKey.objects.issue(
        name=f"tests-{tenant}", user=service_user(f"tests-{tenant}"), tenant=tenant
    )
    return Api(token)


@pytest.fixture
def north(db: None) -> Any:
    from demo_project.hostcrm.models import Branch

    return Branch.objects.create(code="north")


@pytest.fixture
def south(db: None) -> Any:
    from demo_project.hostcrm.models import Branch

    return Branch.objects.create(code="south")


@pytest.fixture
def api(north: Any) -> Api:
    """A client with an API key for the north branch."""
    return make_api("north")
