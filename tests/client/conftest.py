from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from ringotel_crm.client import transport
from ringotel_crm.testing import RingotelServer


@pytest.fixture
def ringotel(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[RingotelServer]:
    """Ringotel, configured, with a caller who does not wait long."""
    monkeypatch.setattr(transport, "PAUSE", 0.001)
    with RingotelServer() as server:
        settings.RINGOTEL_CRM = server.settings(DEFAULT_REGION="IE")
        yield server
