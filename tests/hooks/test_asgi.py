"""Streamed lists under ASGI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from ringotel_crm.hooks.serializers import OrganizationResponse
from ringotel_crm.hooks.streaming import STREAM_BATCH, ListWriter
from tests.api import make_token
from tests.factories import make_contact


@pytest.mark.django_db(transaction=True)
def test_list_is_the_same_under_asgi() -> None:
    make_contact("Ada Example")
    headers = {"Authorization": f"Bearer {make_token()}"}

    async def call() -> Any:
        response: Any = await AsyncClient().get("/ringotel/contacts/", headers=headers)
        return json.loads(b"".join([chunk async for chunk in response]))

    data = async_to_sync(call)()
    assert [contact["last_name"] for contact in data["results"]] == ["Example"]
    assert data["next"] is None


@pytest.mark.django_db  # connections are released
def test_list_is_streamed_in_batches_under_asgi() -> None:
    count = 0

    def rows() -> Iterator[tuple[str, ...]]:
        nonlocal count
        for count in range(1, 4 * STREAM_BATCH + 1):
            yield (str(count), "Oats", "", "", "")

    async def first_chunk() -> bytes:
        async for chunk in ListWriter(OrganizationResponse).response(rows()):
            return chunk
        return b""

    assert async_to_sync(first_chunk)().count(b'"id"') == STREAM_BATCH
    assert count == STREAM_BATCH
