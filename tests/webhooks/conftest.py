from __future__ import annotations

import pytest

from tests.webhooks.sender import Sender, make_webhook


@pytest.fixture
def sender(db: None) -> Sender:
    """Sends events to a webhook."""
    return Sender(make_webhook())
