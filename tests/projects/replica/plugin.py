"""pytest plugin: give the tests access to both databases, and to the primary as ``connection``."""

from __future__ import annotations

from functools import partial
from typing import Any

import django.db
import pytest
from django.test import TestCase

DATABASES = ["primary", "replica"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the databases of each test that uses one."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        fixtures = set(getattr(item, "fixturenames", ()))
        if marker or fixtures & {"db", "transactional_db"}:
            options = {**(marker.kwargs if marker else {}), "databases": DATABASES}
            item.add_marker(pytest.mark.django_db(**options), append=False)


def pytest_configure() -> None:
    """Let the tests' own default be the primary: ``django.db.connection``, and the database whose
    ``on_commit()`` functions are captured.
    """
    django.db.connection.__dict__["_alias"] = "primary"
    capture: Any = TestCase.captureOnCommitCallbacks
    TestCase.captureOnCommitCallbacks = partial(capture, using="primary")  # type: ignore[method-assign]
