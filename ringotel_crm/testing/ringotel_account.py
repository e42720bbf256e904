"""The state of a Ringotel account, and what each API method does to it."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .ringotel_shapes import ADDITIONS, SHAPES, example, find_problem

Row = dict[str, Any]

BRANCH_ID = "17295345566567084860"
CONTACT_CREATED = 4
NOT_ACTIVATED, ACTIVE, ATTACHED = -1, 1, 2
ONLINE, DO_NOT_DISTURB = 1, 3


class ApiRefusal(Exception):
    """The account refuses a request; the message contains the reason."""


class Variant(StrEnum):
    """A documented difference between answers to the same request."""

    ORGANIZATION_AS_OBJECT = "organization as object"
    NUMBERS_AS_INTEGERS = "numbers as integers"
    EMAIL_AS_TEXT = "e-mail as text"
    USERS_WITHOUT_INFO = "users without info"


def now() -> int:
    """Return the current time in Unix milliseconds."""
    return int(time.time() * 1000)


def _row(shape: Row, fields: Row) -> Row:
    """Return a row with every documented key, in the order of the documentation."""
    return {**example(shape), "created": now(), **fields}


@dataclass
class RingotelAccount:
    """One organization. Rows are as on the wire; documented keys that they lack are filled in when
    they are sent.

    ``refusals`` maps methods to the message with which they are refused.
    """

    org_id: str = "17295345566567084859"
    domain: str = "newcompany123"
    name: str = "New Company"
    users: list[Row] = field(default_factory=list)
    agents: list[Row] = field(default_factory=list)
    branches: list[Row] = field(default_factory=lambda: [{"id": BRANCH_ID, "name": "PBX"}])
    contacts: dict[str, Row] = field(default_factory=dict)
    blocked: dict[str, Row] = field(default_factory=dict)
    calls: list[Row] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    trunks: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    notifications: list[Row] = field(default_factory=list)
    closed_sessions: set[str] = field(default_factory=set)
    variants: set[Variant] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(17_300_000_000_000_000_001)

    def add_user(
        self,
        name: str,
        extension: str,
        *,
        email: str = "",
        attached: tuple[str, ...] = (),
        **fields: Any,
    ) -> Row:
        """Add an active user who is online, with a user of its own for each attached extension;
        return its row."""
        row: Row = {
            "id": self._new_id(),
            "name": name,
            "extension": extension,
            "status": ACTIVE,
            "state": ONLINE,
        }
        if email:
            row["info"] = {"email": email}
        if attached:
            phones = [self.add_user(name, number, status=ATTACHED) for number in attached]
            row["ext"] = [
                {"extension": one["extension"], "trunkstate": 1, "id": one["id"]} for one in phones
            ]
        self.users.append({**row, **fields})
        return self.users[-1]

    def call(self, method: str, params: Any) -> Any:
        """Do what the request asks for and return the result; None where the method returns no
        data.

        Raises :class:`ApiRefusal`.
        """
        if problem := self.refusals.get(method) or find_problem(method, params):
            raise ApiRefusal(problem)
        if (
            params.get("orgid", self.org_id) != self.org_id
            or params.get("domain", self.domain) != self.domain
        ):
            raise ApiRefusal("Unknown organization")
        with self._lock:
            return getattr(self, f"on_{method}")(params)

    # One for each method, named as on the wire.

    def on_getOrganizations(self, params: Row) -> list[Row]:
        shape = SHAPES["getOrganizations"]["answer"]["result"][0]
        fields = {
            "id": self.org_id,
            "domain": self.domain,
            "name": self.name,
            "packageid": 2,
            "status": 1,
        }
        return [_row(shape, {"region": "3", **fields})]

    def on_getOrganization(self, params: Row) -> Any:
        found = self.on_getOrganizations(params)
        if params["id"] != self.org_id:
            raise ApiRefusal("Unknown organization")
        return found[0] if Variant.ORGANIZATION_AS_OBJECT in self.variants else found

    def on_getEventLog(self, params: Row) -> list[Row]:
        return []

    def on_getAccount(self, params: Row) -> None:
        return None

    def on_getActivitySubjects(self, params: Row) -> list[str]:
        return self.subjects

    def on_setActivitySubjects(self, params: Row) -> None:
        self.subjects = list(params["subjects"])

    def on_getCalls(self, params: Row) -> list[Row]:
        """Calls that began at or after ``begin`` and before ``end``; of one user if the rows have a
        ``userid``."""
        user = params.get("userid")
        return [
            {key: value for key, value in call.items() if key != "userid"}
            for call in self.calls
            if params["begin"] <= call["t"] < params["end"] and user in (None, call.get("userid"))
        ]

    def on_getBranch(self, params: Row) -> Row:
        return self._find(self.on_getBranches(params), params["id"])

    def on_getBranches(self, params: Row) -> list[Row]:
        shape = SHAPES["getBranches"]["answer"]["result"][0]
        fields = {"accountid": self.org_id, "domain": self.domain, "status": 1}
        rows = [_row(shape, {**fields, **row}) for row in self.branches]
        return [
            {**row, "provision": {**example(shape["provision"]), **row["provision"]}}
            for row in rows
        ]

    def on_getUser(self, params: Row) -> Row:
        return self._find(self.on_getUsers(params), params["id"])

    def on_getUsers(self, params: Row) -> list[Row]:
        shape = SHAPES["getUsers"]["answer"]["result"][0]
        rows = []
        for user in self.users:
            names = {name: user.get("extension", "") for name in ("username", "authname")}
            fields = {
                "branchid": self.branches[0]["id"],
                "domain": self.domain,
                "stime": now(),
                **names,
            }
            row = _row(shape, {**fields, **user})
            if Variant.USERS_WITHOUT_INFO in self.variants:
                row.pop("info", None)
            rows.append(row)
        return [row for row in rows if params.get("branchid") in (None, row["branchid"])]

    def on_getAgents(self, params: Row) -> list[Row]:
        shape = ADDITIONS["getAgents"]["answer"]["result"][0]
        return [_row(shape, row) for row in self.agents]

    def on_getChatUsers(self, params: Row) -> list[Row]:
        return [
            {
                "phone": user["extension"],
                "name": user["name"],
                "id": user["id"],
                "state": user["state"],
            }
            for user in self.on_getUsers({})
        ]

    def on_createUser(self, params: Row) -> Row:
        if any(user["extension"] == params["extension"] for user in self.users):
            raise ApiRefusal("Extension already exists")
        if params["branchid"] not in [branch["id"] for branch in self.branches]:
            raise ApiRefusal("Unknown connection")
        info = {
            name: params[name]
            for name in ("email", "mobile", "phone", "company", "position")
            if name in params
        }
        status = ACTIVE if params.get("status") == ACTIVE else NOT_ACTIVATED
        user = self.add_user(
            params["name"], params["extension"], status=status, state=0, branchid=params["branchid"]
        )
        user |= {"info": info} if info else {}
        answer = {
            **example(ADDITIONS["createUser"]["answer"]["result"]),
            **info,
            "domain": self.domain,
        }
        names = {"username": user["extension"], "password": secrets.token_urlsafe(9)}
        return {
            **answer,
            **names,
            **{key: user[key] for key in ("id", "name", "extension", "status")},
        }

    def on_updateUser(self, params: Row) -> Row:
        user = self._find(self.users, params["id"])
        info = {
            name: params[name]
            for name in ("email", "mobile", "phone", "company", "position")
            if name in params
        }
        user |= {
            name: params[name]
            for name in ("name", "extension", "username", "authname")
            if name in params
        }
        user["info"] = {**user.get("info", {}), **info}
        shape = SHAPES["updateUser"]["answer"]["result"]
        answer = {**example(shape), **user["info"], "domain": self.domain}
        return {key: {**answer, **user}.get(key) for key in shape}

    def on_setUserStatus(self, params: Row) -> None:
        self._find(self.users, params["id"])["status"] = params["status"]

    def on_setUserState(self, params: Row) -> None:
        self._find(self.users, params["id"])["state"] = DO_NOT_DISTURB if params["dnd"] else ONLINE

    def on_deleteRecordings(self, params: Row) -> None:
        return None

    def on_getContacts(self, params: Row) -> list[Row]:
        shape = SHAPES["getContacts"]["answer"]["result"][0]
        fields = {"ownerid": self.org_id, "createdby": self.org_id, "status": CONTACT_CREATED}
        rows = [
            _row(shape, {**fields, **contact, "id": id}) for id, contact in self.contacts.items()
        ]
        return [{**row, "info": self._sent_info(row["info"])} for row in rows]

    def _sent_info(self, info: Row) -> Row:
        sent = {name: value for name, value in info.items() if value}
        if "email" in sent and isinstance(sent["email"], str) != (
            Variant.EMAIL_AS_TEXT in self.variants
        ):
            sent["email"] = [sent["email"]] if isinstance(sent["email"], str) else sent["email"][0]
        if Variant.NUMBERS_AS_INTEGERS in self.variants:
            for name in sent.keys() & {"phone", "mobile"}:
                sent[name] = [
                    int(text) if text.removeprefix("+").isdecimal() else text for text in sent[name]
                ]
        return sent

    def on_importContacts(self, params: Row) -> list[Row]:
        """Add each contact, even if an equal one exists already."""
        added = []
        for contact in params["list"]:
            name = contact.get("name") or f"{contact['firstname']} {contact['lastname']}"
            info = {key: value for key, value in contact.get("info", {}).items() if value}
            id = self._new_id()
            self.contacts[id] = {"name": name, "info": info}
            added.append({"name": name, "id": id, "status": CONTACT_CREATED, "info": info})
        return added

    def on_updateContacts(self, params: Row) -> None:
        """Replace all of each contact that exists."""
        for contact in params["list"]:
            if contact["id"] in self.contacts:
                name = contact.get("name") or f"{contact['firstname']} {contact['lastname']}"
                self.contacts[contact["id"]] = {"name": name, "info": contact.get("info", {})}

    def on_deleteContacts(self, params: Row) -> None:
        for id in params["list"]:
            self.contacts.pop(id, None)

    def on_getBlockedContacts(self, params: Row) -> list[Row]:
        shape = SHAPES["getBlockedContacts"]["answer"]["result"][0]
        return [_row(shape, {"blocked": now(), **row}) for row in self.blocked.values()]

    def on_setContactBlocked(self, params: Row) -> list[Row]:
        phone: str = params["phone"]
        self.blocked.pop(phone, None)
        if params["blocked"]:
            info = {"phone": [int(phone.removeprefix("+"))], "about": params["about"]}
            self.blocked[phone] = {"id": self._new_id(), "usinfo": info}
        return self.on_getContacts({})

    def on_getSMSTrunks(self, params: Row) -> list[Row]:
        shape = SHAPES["getSMSTrunks"]["answer"]["result"][0]
        return [_row(shape, row) for row in self.trunks]

    def on_getChats(self, params: Row) -> list[Row]:
        return self.on_getSMSTrunks(params)

    def on_initCall(self, params: Row) -> None:
        return None

    def on_updateActivity(self, params: Row) -> None:
        return None

    def on_message(self, params: Row) -> Row:
        """Write into a chat session, and open one where none, or a closed one, is named."""
        session = params.get("sessionid", "")
        answer: Row = {}
        if not session or session in self.closed_sessions:
            answer["sessionid"] = session = self._new_session_id()
        if "content" in params:
            answer["messageid"] = self._new_session_id()
            message = {"type": 1, **params, "messageid": answer["messageid"], "sessionid": session}
            self.messages.append(message)
            self._notify("message", {"userid": self._user_id(params), **message})
        return answer

    def on_delivered(self, params: Row) -> None:
        return None

    on_read = on_typing = on_updated = on_deleted = on_delivered

    def _notify(self, method: str, params: Row) -> None:
        """Keep what Ringotel would send to the account's webhook, without the key."""
        self.notifications.append({"method": method, "params": {"orgid": self.org_id, **params}})

    def _user_id(self, params: Row) -> str:
        sides = (params.get("from"), params.get("to"))
        return next((user["id"] for user in self.users if user.get("extension") in sides), "")

    def _find(self, rows: list[Row], id: str) -> Row:
        for row in rows:
            if row["id"] == id:
                return row
        raise ApiRefusal("Not found")

    def _new_id(self) -> str:
        return str(next(self._ids))

    def _new_session_id(self) -> str:
        return f"{now()}-{secrets.token_hex(9)}"
