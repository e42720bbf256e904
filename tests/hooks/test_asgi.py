"""The long lists under ASGI: as they are made, and not all of them at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from ringotel_crm.hooks.serializers import OrganizationResponse
from ringotel_crm.hooks.streaming import STREAM_BATCH, stream
from tests.api import make_token
from tests.factories import make_contact


@pytest.mark.django_db(transaction=True)
def test_a_list_is_the_same_under_asgi() -> None:
    make_contact("Ada Example")
    headers = {"Authorization": f"Bearer {make_token()}"}

    async def call() -> Any:
        response: Any = await AsyncClient().get("/ringotel/contacts/", headers=headers)
        return json.loads(b"".join([part async for part in response]))

    answer = async_to_sync(call)()
    assert [contact["last_name"] for contact in answer["results"]] == ["Example"]
    assert answer["next"] is None


def test_a_list_is_made_as_it_is_read() -> None:
    made = 0

    def rows() -> Iterator[tuple[str, ...]]:
        nonlocal made
        for made in range(1, 4 * STREAM_BATCH + 1):
            yield (str(made), "Oats", "", "", "")

    async def first() -> bytes:
        async for part in stream(OrganizationResponse, rows()):
            return part
        return b""

    assert async_to_sync(first)().count(b'"id"') == STREAM_BATCH
    assert made == STREAM_BATCH
