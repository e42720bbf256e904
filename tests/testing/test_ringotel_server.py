"""The double of Ringotel's API against the names and types that Ringotel documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ringotel_crm.testing import Fault, RefusalShape, RingotelServer, Variant
from ringotel_crm.testing.ringotel_shapes import (
    ADDITIONS,
    NOTIFICATIONS,
    OPTIONAL,
    SHAPES,
    example,
    fits,
    uses,
)

USES = [key for key in (*SHAPES, *ADDITIONS) if key not in NOTIFICATIONS]
SAMPLES = [key for key in USES if "result" in {**SHAPES, **ADDITIONS}[key]["answer"]]
WRONG: dict[str, Any] = {"text": 7, "id": 7, "ms": "soon", "int": "7", "bool": "yes"}


@pytest.fixture
def ringotel() -> Iterator[RingotelServer]:
    with RingotelServer(branches=[{"id": example("id"), "name": "PBX"}]) as server:
        server.add_user(
            "Una Example",
            "500",
            email="una@example.com",
            attached=("501",),
            id=example("id"),
            note="",
        )
        info: dict[str, Any] = {name: ["+442079460001"] for name in ("phone", "mobile")}
        info |= {"email": ["ada@example.com"], "organization": "Sample Ltd", "about": "Pays late"}
        server.contacts["7"] = {"name": "Ada Example", "info": {**info, "position": "Buyer"}}
        server.calls = [
            {
                "a": "442079460001",
                "b": "500",
                "c": 16,
                "t": 1,
                "d": 27,
                "o": False,
                "userid": example("id"),
            }
        ]
        server.agents = [{"id": "8", "name": "AI agent", "extension": "900", "userid": "9"}]
        server.trunks = [{"id": "6", "number": "+442079460900"}]
        yield server


def post(ringotel: RingotelServer, method: str, params: Any, key: str = "") -> requests.Response:
    headers = {"Authorization": f"Bearer {key or ringotel.key}"}
    body = {"method": method, "params": params}
    return requests.post(ringotel.url, json=body, headers=headers, timeout=5)


def sample(ringotel: RingotelServer, key: str) -> tuple[str, dict[str, Any]]:
    """Return the method and valid parameters of a documented use."""
    method = key.partition(" (")[0]
    shapes = next(shapes for name, shapes in uses(method) if name == key)
    params = {name: example(shape) for name, shape in shapes.items()}
    known = {
        "orgid": ringotel.org_id,
        "domain": ringotel.domain,
        "end": 2,
        "phone": "+442079460001",
    }
    params |= {name: value for name, value in known.items() if name in params}
    if method in ("importContacts", "updateContacts"):
        row = {
            "name": "Bo Example",
            "info": {"phone": ["+442079460002"], "email": "bo@example.com"},
        }
        params["list"] = [row | ({"id": "7"} if method == "updateContacts" else {})]
    if method == "createUser":
        params["extension"] = "510"
    return method, params


def is_refused(response: requests.Response) -> bool:
    return response.status_code == 200 and "error" in response.json()


@pytest.mark.parametrize("key", USES)
def test_documented_request_is_answered(ringotel: RingotelServer, key: str) -> None:
    response = post(ringotel, *sample(ringotel, key))

    assert response.status_code == 200
    assert not response.content or "result" in response.json()


@pytest.mark.parametrize("key", SAMPLES)
def test_answer_has_the_documented_keys_and_types(ringotel: RingotelServer, key: str) -> None:
    method, params = sample(ringotel, key)
    if method == "getBlockedContacts":
        post(
            ringotel,
            "setContactBlocked",
            sample(ringotel, "setContactBlocked")[1] | {"blocked": True},
        )
    shape = {**SHAPES, **ADDITIONS}[key]["answer"]["result"]
    result = post(ringotel, method, params).json()["result"]

    if not isinstance(shape, list):
        shape, result = [shape], [result]
    assert result or shape == []
    for row in result:
        for name, documented in shape[0].items():
            if name != "info":
                assert fits(row[name], documented, partial=True), name
            else:
                assert all(
                    fits(row["info"][part], documented[part])
                    for part in row["info"].keys() & documented
                )


@pytest.mark.parametrize("key", USES)
def test_missing_unknown_and_ill_typed_parameters_are_refused(
    ringotel: RingotelServer, key: str
) -> None:
    method, params = sample(ringotel, key)
    shapes = next(shapes for name, shapes in uses(method) if name == key)
    before = (dict(ringotel.contacts), list(ringotel.users), list(ringotel.messages))

    assert is_refused(post(ringotel, method, {**params, "surprise": 1}))
    # What is left of one use of a method may be another documented use.
    for name in params.keys() - OPTIONAL.get(key, frozenset()) if method != "message" else ():
        rest = {other: value for other, value in params.items() if other != name}
        assert is_refused(post(ringotel, method, rest)), name
    for name, shape in shapes.items():
        wrong = WRONG[shape] if isinstance(shape, str) else "text"
        if not isinstance(shape, dict):
            assert is_refused(post(ringotel, method, {**params, name: wrong})), name
    assert before == (ringotel.contacts, ringotel.users, ringotel.messages)


@pytest.mark.parametrize(
    ("method", "row"),
    [
        ("importContacts", {"name": "Bo", "info": {"phone": "+442079460002"}}),
        ("importContacts", {"name": "Bo", "info": {"phone": [442079460002]}}),
        ("importContacts", {"name": "Bo", "info": {"nickname": "B"}}),
        ("importContacts", {"firstname": "Bo", "info": {}}),
        ("importContacts", {"name": "Bo", "id": "7", "info": {}}),
        ("updateContacts", {"name": "Bo", "info": {}}),
        ("deleteContacts", {"id": "7"}),
        ("deleteContacts", 7),
    ],
)
def test_ill_typed_contact_is_refused(ringotel: RingotelServer, method: str, row: Any) -> None:
    before = dict(ringotel.contacts)

    assert is_refused(post(ringotel, method, {"orgid": ringotel.org_id, "list": [row]}))
    assert ringotel.contacts == before


@pytest.mark.parametrize("method", ["getEverything", "message (File)", ""])
def test_unknown_method_is_refused(ringotel: RingotelServer, method: str) -> None:
    assert is_refused(post(ringotel, method, {}))


@pytest.mark.parametrize("params", [{"orgid": "1"}, [], None, "text"])
def test_foreign_organization_and_malformed_parameters_are_refused(
    ringotel: RingotelServer, params: Any
) -> None:
    assert is_refused(post(ringotel, "getUsers", params))


@pytest.mark.parametrize(
    ("shape", "status", "body"),
    [
        (RefusalShape.OBJECT, 200, {"error": {"message": "Unknown organization"}}),
        (RefusalShape.TEXT, 200, {"error": "Unknown organization"}),
        (RefusalShape.RESULT, 200, {"result": {"error": "Unknown organization", "status": -1}}),
        (RefusalShape.STATUS_400, 400, {"error": {"message": "Unknown organization"}}),
    ],
)
def test_refusal_has_one_of_the_documented_shapes(
    ringotel: RingotelServer, shape: RefusalShape, status: int, body: Any
) -> None:
    ringotel.refusal = shape
    response = post(ringotel, "getUsers", {"orgid": "1"})

    assert (response.status_code, response.json()) == (status, body)


def test_wrong_key_and_missing_permission_have_a_status_of_their_own(
    ringotel: RingotelServer,
) -> None:
    ringotel.forbidden.add("getUsers")
    ringotel.faults.append(Fault.FORBIDDEN)

    assert (
        post(ringotel, "getContacts", {"orgid": ringotel.org_id}, key="another").status_code == 401
    )
    assert post(ringotel, "getContacts", {"orgid": ringotel.org_id}).status_code == 403
    assert post(ringotel, "getContacts", {"orgid": ringotel.org_id}).status_code == 200
    assert post(ringotel, "getUsers", {"orgid": ringotel.org_id}).status_code == 403


def result(ringotel: RingotelServer, method: str, **params: Any) -> Any:
    return post(ringotel, method, {"orgid": ringotel.org_id, **params}).json()["result"]


def test_variants_of_an_answer(ringotel: RingotelServer) -> None:
    assert isinstance(result_of_organization(ringotel), list)
    assert [user.get("info") for user in result(ringotel, "getUsers")] == [
        None,  # the attached extension
        {"email": "una@example.com"},
    ]
    assert result(ringotel, "getContacts")[0]["info"]["phone"] == ["+442079460001"]

    ringotel.variants = set(Variant)
    assert isinstance(result_of_organization(ringotel), dict)
    assert [user for user in result(ringotel, "getUsers") if "info" in user] == []
    info = result(ringotel, "getContacts")[0]["info"]
    assert (info["phone"], info["email"]) == ([442079460001], "ada@example.com")


def result_of_organization(ringotel: RingotelServer) -> Any:
    return post(ringotel, "getOrganization", {"id": ringotel.org_id}).json()["result"]


def test_contacts_are_kept_replaced_and_deleted(ringotel: RingotelServer) -> None:
    [added] = result(
        ringotel, "importContacts", list=[{"firstname": "Bo", "lastname": "Example", "info": {}}]
    )
    assert [(row["id"], row["name"]) for row in result(ringotel, "getContacts")] == [
        ("7", "Ada Example"),
        (added["id"], "Bo Example"),
    ]

    update = {"id": "7", "name": "Ada Sample", "info": {"phone": ["+442079460003"]}}
    post(ringotel, "updateContacts", {"orgid": ringotel.org_id, "list": [update]})
    assert ringotel.contacts["7"] == {"name": "Ada Sample", "info": {"phone": ["+442079460003"]}}

    post(ringotel, "deleteContacts", {"orgid": ringotel.org_id, "list": ["7", added["id"], "999"]})
    assert ringotel.contacts == {}


def test_user_is_created_once_and_can_be_updated(ringotel: RingotelServer) -> None:
    new = {
        "branchid": ringotel.branches[0]["id"],
        "name": "Kim",
        "extension": "502",
        "email": "kim@example.com",
    }
    user = result(ringotel, "createUser", **new)
    assert (user["extension"], user["status"]) == ("502", -1)
    assert is_refused(post(ringotel, "createUser", {"orgid": ringotel.org_id, **new}))

    result(ringotel, "updateUser", id=user["id"], email="kim@example.org")
    [found] = [row for row in result(ringotel, "getUsers") if row["id"] == user["id"]]
    assert found["info"]["email"] == "kim@example.org"


def test_message_opens_a_session_and_a_closed_one_is_replaced(ringotel: RingotelServer) -> None:
    opened = result(ringotel, "message", **{"from": "442079460001", "to": "500"})
    assert opened.keys() == {"sessionid"}

    text = {
        "from": "500",
        "to": "442079460001",
        "content": "Hello",
        "sessionid": opened["sessionid"],
    }
    assert result(ringotel, "message", **text).keys() == {"messageid"}
    ringotel.closed_sessions.add(opened["sessionid"])
    again = result(ringotel, "message", **text)
    assert again["sessionid"] != opened["sessionid"]

    [first, second] = ringotel.notifications
    assert (first["method"], first["params"]["sessionid"]) == ("message", opened["sessionid"])
    assert second["params"]["messageid"] == again["messageid"]
    assert ringotel.key not in str(ringotel.notifications)
