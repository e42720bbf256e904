"""``docs/openapi.yaml`` is up to date."""

from __future__ import annotations

import pytest

pytest.importorskip(
    "drf_spectacular", reason="Compared by tox -e audit and -e fuzz, which have it."
)

from tests.robustness.openapi import PATH, text


def test_the_document_is_up_to_date() -> None:
    assert PATH.read_text() == text(), "Type: python -m tests.robustness.openapi"
