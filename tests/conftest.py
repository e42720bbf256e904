from __future__ import annotations

from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django import Settings

from ringotel_crm.internal import cache as safe_cache
from tests.api import Api, make_token

pytest_plugins = [
    "tests.fixtures.admin",
    "tests.fixtures.recordings",
    "tests.fixtures.ringotel",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark stress tests, browser tests and tests with an S3 server as slow."""
    for item in items:
        marked = item.get_closest_marker("robustness") or item.get_closest_marker("browser")
        if marked or "s3_server" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def media_root(tmp_path: Path, settings: Settings) -> Path:
    """Store files in a temporary folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Clear the cache, and resume after failures of the cache."""
    cache.clear()
    safe_cache._backoff_until = 0.0


@pytest.fixture
def api(db: None) -> Api:
    """Return a client with an API key."""
    return Api(make_token())
