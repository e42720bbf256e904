"""Tests of admin themes, with Chromium.

Run them with ``THEME=unfold pytest -m browser --ds tests.projects.themes.settings tests/themes``.
"""

from __future__ import annotations

import pytest
from django.conf import settings

from tests.browser.conftest import boss, browser, desks  # noqa: F401

if not hasattr(settings, "THEME"):
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "themes":
            item.add_marker("browser")
            item.add_marker(pytest.mark.django_db(transaction=True))
            # The themes use what Django deprecates.
            item.add_marker(pytest.mark.filterwarnings("default"))
