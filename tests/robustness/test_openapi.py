"""``docs/openapi.yaml`` is up to date."""

from __future__ import annotations

import pytest

pytest.importorskip("drf_spectacular", reason="drf-spectacular is not installed.")

from tests.robustness.openapi import PATH, text


def test_document_is_up_to_date() -> None:
    assert PATH.read_text() == text(), "Run: python -m tests.robustness.openapi"
