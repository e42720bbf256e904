"""Names and types of Ringotel's Admin and Messaging API, and the check of a request against them.

``ringotel_api.json`` holds the shapes as Ringotel's public request collections give them. What the
samples of a collection cannot show, but its text states, is written down here: methods without a
sample of their own, and parameters that may be left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Shape: TypeAlias = Any
"""A type name such as ``"text"``, a list with the shape of its items, or a dict of shapes."""

SHAPES: dict[str, dict[str, Shape]] = json.loads(
    (Path(__file__).parent / "ringotel_api.json").read_text(encoding="utf-8")
)
del SHAPES["about"]

# Named as methods are, but sent by Ringotel to the account's webhook.
NOTIFICATIONS = frozenset(
    {"message", "message (File)", "delivered", "read", "typing", "updated", "deleted"}
)

# Documented in the text of the same collections.
ADDITIONS: dict[str, dict[str, Shape]] = {
    "createUser": {
        "params": {
            "orgid": "id",
            "branchid": "id",
            "name": "text",
            "extension": "text",
            "domain": "text",
            **dict.fromkeys(("username", "authname", "password", "email"), "text"),
            **dict.fromkeys(("mobile", "phone", "company", "position"), "text"),
            "status": "int",
        },
        "answer": {
            "result": {
                "id": "id",
                "name": "text",
                "extension": "text",
                "domain": "text",
                "httpsproxy": {},
                **dict.fromkeys(("username", "password", "email"), "text"),
                **dict.fromkeys(("mobile", "phone", "company", "position"), "text"),
                "status": "int",
            }
        },
    },
    "getAgents": {
        "params": {"orgid": "id"},
        "answer": {
            "result": [
                {
                    "agent": {"greeting": "text", "language": "text", "prompt": "text"},
                    "id": "id",
                    "name": "text",
                    "extension": "text",
                    "userid": "id",
                    "username": "text",
                    "trunkstate": "int",
                    "created": "ms",
                    "updated": "ms",
                }
            ]
        },
    },
}

# Parameters that a request may leave out.
OPTIONAL: dict[str, frozenset[str]] = {
    "getCalls": frozenset({"userid"}),
    "getUsers": frozenset({"branchid"}),
    "importContacts": frozenset({"branchid"}),
    "updateContacts": frozenset({"branchid"}),
    "createUser": frozenset(ADDITIONS["createUser"]["params"])
    - {"orgid", "branchid", "name", "extension"},
    "updateUser": frozenset(SHAPES["updateUser"]["params"]) - {"orgid", "id"},
    "initCall": frozenset({"toname"}),
    "message (Send a message)": frozenset({"type"}),
    "message (Send indication - Message)": frozenset({"type", "timestamp"}),
}
# The samples of these leave out what the accompanying text describes.
EXTRA: dict[str, dict[str, Shape]] = {
    "message (Send a message)": {"type": "int"},
    "message (Send indication - Message)": {"type": "int", "timestamp": "ms"},
}

CONTACT: dict[str, Shape] = {
    **dict.fromkeys(("name", "firstname", "lastname"), "text"),
    "info": {
        **{key: ["text"] for key in ("phone", "mobile", "fax", "sip")},
        **dict.fromkeys(("organization", "position", "department", "about"), "text"),
        "email": ("text", ["text"]),
    },
}


def uses(method: str) -> Iterator[tuple[str, dict[str, Shape]]]:
    """Yield each documented use of an API method: its key in the file, and the shapes of its
    parameters."""
    for key, entry in (*SHAPES.items(), *ADDITIONS.items()):
        if key.partition(" (")[0] == method and key not in NOTIFICATIONS:
            yield key, {**entry["params"], **EXTRA.get(key, {})}


def find_problem(method: str, params: Any) -> str:
    """Return what is wrong with the parameters of a request; "" if they fit one documented use of
    the method."""
    if not isinstance(params, dict):
        return f"{method}: params must be an object"
    problems = [_find_problem(key, shapes, params) for key, shapes in uses(method)]
    if not problems:
        return f"Unknown method {method}"
    return "" if "" in problems else "; ".join(problems)


def _find_problem(key: str, shapes: Mapping[str, Shape], params: Mapping[str, Any]) -> str:
    missing = shapes.keys() - params.keys() - OPTIONAL.get(key, frozenset())
    if missing or params.keys() - shapes.keys():
        return f"{key}: missing {sorted(missing)}, unknown {sorted(params.keys() - shapes.keys())}"
    if key in ("importContacts", "updateContacts"):
        shapes = {**shapes, "list": [{**CONTACT, "id": "id"}]}
        rows = params["list"] if isinstance(params["list"], list) else [None]
        if any(not _is_contact(row, needs_id=key == "updateContacts") for row in rows):
            return f"{key}: each contact needs a name, and to be updated an id"
    wrong = [
        name
        for name, value in params.items()
        if not fits(value, shapes[name], partial=isinstance(value, list))
    ]
    return f"{key}: wrong type of {wrong}" if wrong else ""


def _is_contact(row: Any, *, needs_id: bool) -> bool:
    is_named = isinstance(row, dict) and ("name" in row or {"firstname", "lastname"} <= row.keys())
    return is_named and ("id" in row) == needs_id


def fits(value: Any, shape: Shape, *, partial: bool = False) -> bool:
    """Return whether ``value`` has this shape. With ``partial``, an object may lack documented
    keys."""
    match shape:
        case "text":
            return isinstance(value, str)
        case "id":
            return isinstance(value, str) and value.isascii() and value.isdecimal()
        case "ms" | "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case tuple():
            return any(fits(value, alternative) for alternative in shape)
        case []:
            return isinstance(value, list)
        case [item]:
            return isinstance(value, list) and all(
                fits(one, item, partial=partial) for one in value
            )
        case dict():
            return (
                isinstance(value, dict)
                and (value.keys() <= shape.keys() if partial else value.keys() == shape.keys())
                and all(fits(value[key], shape[key], partial=partial) for key in value)
            )
    raise ValueError(f"Unknown shape {shape!r}")


def example(shape: Shape) -> Any:
    """Return the plainest value of this shape."""
    match shape:
        case "text":
            return ""
        case "id":
            return "17295345566567084859"
        case "ms" | "int":
            return 0
        case "bool":
            return False
        case list():
            return []
        case dict():
            return {key: example(value) for key, value in shape.items()}
    raise ValueError(f"Unknown shape {shape!r}")
