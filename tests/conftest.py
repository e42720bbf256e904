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


@pytest.fixture(autouse=True)
def media_root(tmp_path: Path, settings: Settings) -> Path:
    """Where the files of this one test are kept."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """No test profits from what another has remembered."""
    cache.clear()
    safe_cache._backoff_until = 0.0


@pytest.fixture
def api(db: None) -> Api:
    """Ringotel, with a key."""
    return Api(make_token())
