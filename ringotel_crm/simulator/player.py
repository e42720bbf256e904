"""Simulating setup, synchronization and calls, and comparing each response with the document."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus

from .auth import Bearer, wrong_credential
from .document import HOOKS
from .engine import Answer, Client, WireVariant
from .report import Event, Report, mask
from .scenarios import Call, Step, SyncResult
from .template import Row, Value

# Consecutive requests without a response.
MAX_FAILURES = 3
# Calls between a call and its late steps.
LATE_AFTER = 5

# Variables that a request must contain: at least one of each group.
_NEEDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "UpdateContact": (("contact_id",),),
    "AssignActivity": (("contact_id",), ("activity_id", "call_id")),
    "UpdateActivity": (("activity_id", "call_id"),),
    "StopCallActivity": (("activity_id", "call_id"),),
    "UpdateCallRecording": (("activity_id", "call_id"),),
}


class CrmUnreachable(Exception):
    """The CRM does not respond."""


class Player:
    """Ringotel's part of the protocol.

    ``on_event`` is called after each request. With ``hang_up``, calls take as long as they report,
    until this event is set: then they end at once.
    """

    def __init__(
        self,
        client: Client,
        *,
        on_event: Callable[[Event], None] | None = None,
        hang_up: threading.Event | None = None,
    ) -> None:
        self._hang_up = hang_up
        self._client = client
        self._hooks = client.document.hooks
        self._on_event = on_event
        self._events: list[Event] = []

    def report(self) -> Report:
        """Return the report of all requests so far."""
        return Report.of(self._events)

    def set_up(self, variant: WireVariant | None = None) -> SyncResult:
        """Send a missing and a wrong credential, then read users, contacts and organizations.

        Raises ``CrmUnreachable`` if the CRM does not respond or has no users.
        """
        variant = variant or WireVariant()
        for name, credential in (
            ("none", Bearer()),
            ("wrong", wrong_credential(self._client.credential)),
        ):
            answer = self._client.call(self._hooks["Users"], {}, variant, credential=credential)
            problems = []
            if answer.status != HTTPStatus.FORBIDDEN:
                problem = answer.problem or f"returned {answer.status}"
                problems.append(f"{problem}; must be 403 Forbidden")
            self._record("authentication", f"credential: {name}", answer, problems)
        users = self._list("Users", variant)
        if not users:
            raise CrmUnreachable(
                "Users returned no users, so no call can be simulated. It returns the active users "
                "of the credential's tenant: without tenants all people, with tenants those who "
                "have an extension under Agents. Create a user, or enter extensions."
            )
        return SyncResult(
            users=users,
            contacts=self._list("Contacts", variant),
            organizations=self._list("Organizations", variant),
        )

    def play(self, calls: Iterable[Call]) -> None:
        """Simulate calls one after the other; late steps follow some calls later.

        Raises ``CrmUnreachable`` if the CRM stops responding.
        """
        played: deque[tuple[Call, dict[str, str]]] = deque()
        for call in calls:
            context = {"call_id": call.call_id}
            self._steps(call, call.steps, context)
            played.append((call, context))
            if len(played) > LATE_AFTER:
                early, context = played.popleft()
                self._steps(early, early.late, context)
        for call, context in played:
            self._steps(call, call.late, context)

    def _list(self, name: str, variant: WireVariant) -> list[Row]:
        hook = self._hooks.get(name)
        if hook is None:
            return []
        answer = self._client.call(hook, {}, variant)
        key = HOOKS[name] or ""
        rows = [row for row in answer.rows if row.get(key)]
        problems = [answer.problem] if answer.problem else []
        if nameless := len(answer.rows) - len(rows):
            problems.append(f"{nameless} of {len(answer.rows)} lack ${key}$")
        if repeated := len(rows) - len({row[key] for row in rows}):
            problems.append(f"{repeated} of {len(rows)} repeat the ${key}$ of another")
        if name == "Users" and not rows and not problems:
            problems.append("returned no users")
        self._record(name, "setup", answer, problems)
        return rows

    def _steps(self, call: Call, steps: Iterable[Step], context: dict[str, str]) -> None:
        for step in steps:
            if self._can_run(step, context):
                if self._hang_up:
                    self._hang_up.wait(max(0, _time_of(step) - time.time()))
                self._step(call, step, context)

    def _can_run(self, step: Step, context: Mapping[str, Value]) -> bool:
        hook = self._hooks.get(step.hook)
        return hook is not None and all(
            any(context.get(name) and name in hook.variables for name in group)
            for group in _NEEDS.get(step.hook, ())
        )

    def _step(self, call: Call, step: Step, context: dict[str, str]) -> None:
        hook = self._hooks[step.hook]
        expected = step.expect
        if expected is None:
            expected = frozenset({context["contact_id"]} if "contact_id" in context else ())
        sent = {name: value for name, value in context.items() if name != "contact"} | dict(
            step.values
        )
        for _ in range(step.times):
            answer = self._client.call(hook, sent, call.variant)
            row = answer.rows[0] if answer.rows else {}
            problems = (
                [answer.problem] if answer.problem else _unexpected(step.hook, answer, expected)
            )
            for name in ("activity_id", "contact_id"):
                # Duplicate or early requests, and several phones, still belong to the same call.
                if (
                    row.get(name)
                    and context.setdefault(name, row[name]) != row[name]
                    and not problems
                ):
                    problems = [f"returned another ${name}$ for the same call"]
            if step.hook == "FindContact" and row:
                context["contact"] = _name(row)
            self._record(
                step.hook,
                call.scenario,
                answer,
                problems,
                mask(call.party),
                context.get("contact", ""),
            )

    def _record(
        self,
        hook: str,
        scenario: str,
        answer: Answer,
        problems: Iterable[str],
        caller: str = "",
        contact: str = "",
    ) -> None:
        event = Event(
            scenario=scenario,
            hook=hook,
            caller=caller,
            contact=contact,
            status=answer.status,
            milliseconds=answer.milliseconds,
            problems=tuple(problems),
        )
        self._events.append(event)
        if self._on_event:
            self._on_event(event)
        last = self._events[-MAX_FAILURES:]
        if len(last) == MAX_FAILURES and not any(event.status for event in last):
            raise CrmUnreachable(f"{MAX_FAILURES} consecutive requests without a response.")


def _time_of(step: Step) -> float:
    """Return the Unix time in seconds; 0 for a step without one."""
    times = (step.values.get(name, 0) for name in ("call_start", "call_end"))
    return max(time / 1000 if isinstance(time, int) else 0 for time in times)


def _unexpected(hook: str, answer: Answer, expected: frozenset[str]) -> list[str]:
    """Return the problems of a response that matches its map: missing ids, a wrong contact."""
    key = HOOKS[hook]
    if not key:
        return []
    ids = [row.get(key, "") for row in answer.rows]
    if hook != "FindContact":
        return [] if len(ids) == 1 and ids[0] else [f"returned no ${key}$"]
    if len(ids) > 1:
        return [f"returned {len(ids)} contacts instead of one"]
    if ids and not ids[0]:
        return [f"returned a contact without ${key}$"]
    if ids and ids[0] not in expected:
        owner = "another contact" if expected else "no contact"
        return [f"returned contact {ids[0]} for the number of {owner}"]
    if not ids and expected:
        return ["did not find the contact with this number"]
    return []


def _name(contact: Row) -> str:
    full_name = f"{contact.get('firstname', '')} {contact.get('lastname', '')}".strip()
    return full_name or contact.get("company_name", "")


def rate_limited(calls: Iterable[Call], rate: float) -> Iterator[Call]:
    """Yield ``calls`` at ``rate`` calls per second; 0 does not wait."""
    due = time.monotonic()
    for call in calls:
        yield call
        if rate:
            due += 1 / rate
            time.sleep(max(0, due - time.monotonic()))
