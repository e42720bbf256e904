from __future__ import annotations

import doctest
import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringotel_crm.hooks import streaming
from ringotel_crm.hooks.serializers import (
    ContactResponse,
    HookSerializer,
    OrganizationResponse,
    UserResponse,
)
from ringotel_crm.hooks.streaming import ListWriter
from ringotel_crm.records import ContactRecord, OrganizationRecord, UserRecord

pytestmark = [pytest.mark.slow, pytest.mark.django_db]  # connections are released

SPECIAL = '"\\/</script>%s %(name)s {}\0\x1f\x7f\u2028\ud800é😀\r\n'


def texts(record_class: type) -> st.SearchStrategy[list[dict[str, str]]]:
    """Return records of any text, as keyword arguments."""
    names = [field.name for field in fields(record_class) if field.type == "str"]
    text = st.text(st.characters(exclude_categories=[]))
    return st.lists(st.fixed_dictionaries(dict.fromkeys(names, text)), max_size=3)


@pytest.mark.parametrize(
    ("serializer_class", "record_class"),
    [
        (ContactResponse, ContactRecord),
        (OrganizationResponse, OrganizationRecord),
        (UserResponse, UserRecord),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 500])
@given(data=st.data())
def test_list_equals_the_output_of_the_serializer(
    serializer_class: type[HookSerializer], record_class: type, batch: int, data: st.DataObject
) -> None:
    special = dict.fromkeys(
        (field.name for field in fields(record_class) if field.type == "str"), SPECIAL
    )
    records = [record_class(**values) for values in [special, *data.draw(texts(record_class))]]
    writer = ListWriter(serializer_class)
    rows = (tuple(getattr(record, name) for name in writer.attributes) for record in records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "STREAM_BATCH", batch)
        written = b"".join(writer.chunks(rows))

    expected = {"results": serializer_class(records, many=True).data, "next": None}
    assert json.loads(written) == json.loads(json.dumps(expected))


def test_empty_list_is_valid_json() -> None:
    written = b"".join(ListWriter(UserResponse).chunks(iter(())))

    assert json.loads(written) == {"results": [], "next": None}


def test_docstring_example_is_correct() -> None:
    assert doctest.testmod(streaming).failed == 0
    assert doctest.testmod(streaming).attempted > 0
