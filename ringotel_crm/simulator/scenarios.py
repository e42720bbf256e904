"""Simulated calls: which hooks Ringotel calls, with which values, in which order.

The callers are contacts of the CRM, and unknown callers with numbers reserved for fiction.
"""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .audio import sample_wav
from .engine import Plus, WireVariant
from .template import Row, Value

# Prefixes and the number of digits that follow.
# Reserved for fiction in North America, the UK and Ireland.
_FICTION = (
    *((f"1{area}55501", 2) for area in (202, 212, 312, 415, 512, 604, 613, 617)),
    ("44207946", 4),
    ("447700900", 3),
    ("3532091", 5),
)
MAX_RING_SECONDS = 20
_WITHHELD = ("anonymous", "restricted", "unknown", "")
_FIRST_NAMES = ("Nola", "Pim", "Odette", "Rufus", "Tansy", "Quill", "Ottoline", "Basil")
_LAST_NAMES = ("Mockridge", "Testerby", "Samplewood", "Dummett", "Placeholt", "Fictley")
SUBJECTS = ("Support", "Sales", "Invoice", "Delivery")
_COMMENTS = (
    "Wants to be called back.",
    "Asked about the last invoice.",
    "Solved, thanks.",
    "Änderung – größer",
)
_INTERNATIONAL = re.compile(r"\+[1-9][0-9 .-]{6,18}[0-9]")


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncResult:
    """The captured variables of users, contacts and organizations."""

    users: Sequence[Row]
    contacts: Sequence[Row] = ()
    organizations: Sequence[Row] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A request of a call, sent ``times`` times.

    ``expect``: ids of the contacts that FindContact may return; empty for no contact, ``None`` for
    the contact that the call created.
    """

    hook: str
    values: Mapping[str, Value]
    expect: frozenset[str] | None = frozenset()
    times: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call and its steps; the ``late`` ones are sent some calls later.

    ``end`` is a Unix time in ms. ``party`` is the outside number.
    """

    scenario: str
    call_id: str
    end: int
    variant: WireVariant
    party: str = ""
    steps: Sequence[Step] = ()
    late: Sequence[Step] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Party:
    """The outside party. ``number``: digits as sent by Ringotel, or a word such as "anonymous"."""

    number: str
    contact_ids: frozenset[str] = frozenset()


@dataclass(kw_only=True, slots=True)
class _Leg:
    """The steps of one user's part in a call."""

    find: Step
    create: Step
    note: Step
    stop: Step
    recording: Step


@dataclass(slots=True)
class CallMaker:
    """Generate calls; the same ones for the same ``data``, ``seed`` and ``clock``.

    ``choose_variant`` chooses the wire variant of a call. ``clock`` returns the Unix time in ms at
    which a call ends. ``max_talk`` is in seconds. With ``full_recordings``, a recording is as long
    as the call, otherwise two seconds.
    """

    data: SyncResult
    seed: int
    choose_variant: Callable[[random.Random], WireVariant] = lambda rng: WireVariant()
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    max_talk: int = 300
    full_recordings: bool = False
    _random: random.Random = field(init=False)
    _known: list[_Party] = field(init=False)
    _taken: set[str] = field(init=False)
    _names: Iterator[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        company_numbers = {digits for row in self.data.organizations for digits in _numbers(row)}
        owners: dict[str, set[str]] = {}
        for row in self.data.contacts:
            for digits in _numbers(row):
                owners.setdefault(digits, set()).add(row["contact_id"])
        self._taken = company_numbers | owners.keys()
        self._known = [
            _Party(number=number, contact_ids=frozenset(ids))
            for number, ids in owners.items()
            if number not in company_numbers
        ]
        used = {(row.get("firstname"), row.get("lastname")) for row in self.data.contacts}
        names = [*itertools.product(_FIRST_NAMES, _LAST_NAMES)]
        self._random.shuffle(names)
        self._names = itertools.cycle([name for name in names if name not in used] or names)

    def calls(self, count: int | None = None, names: Sequence[str] = ()) -> Iterator[Call]:
        """Yield ``count`` calls (``None``: endless) of the scenarios ``names``, or of all."""
        for name in itertools.islice(itertools.cycle(names or SCENARIOS), count):
            end = self.clock()
            call_id = f"{end}-{self._random.getrandbits(72):018x}"
            call = Call(
                scenario=name, call_id=call_id, end=end, variant=self.choose_variant(self._random)
            )
            yield SCENARIOS[name](self, call)

    def _stranger(self) -> _Party:
        for _ in range(1000):
            prefix, digits = self._random.choice(_FICTION)
            number = f"{prefix}{self._random.randrange(10**digits):0{digits}}"
            if number not in self._taken:
                self._taken.add(number)
                return _Party(number=number)
        raise RuntimeError("All numbers reserved for fiction are in use.")

    def _contact(self) -> _Party:
        return self._random.choice(self._known) if self._known else self._stranger()

    def _anyone(self) -> _Party:
        return self._contact() if self._random.random() < 0.7 else self._stranger()

    def _users(self, count: int) -> list[Row]:
        """Return users with extensions; if the CRM has too few, extensions without a user."""
        users = self._random.sample(self.data.users, k=min(count, len(self.data.users)))
        users += [{}] * (count - len(users))
        taken = {user.get("extension") for user in self.data.users}
        free = (text for text in map(str, itertools.count(300)) if text not in taken)
        return [{**user, "extension": user.get("extension") or next(free)} for user in users]

    def _leg(
        self,
        call: Call,
        party: _Party,
        *,
        user: Row | None = None,
        outbound: bool = False,
        talk: int | None = None,
        cause: str = "",
    ) -> _Leg:
        """``talk``: talk time in seconds, random by default; 0 for an unanswered call."""
        rng = self._random
        user = user or self._users(1)[0]
        talk = rng.randint(5, self.max_talk) if talk is None else talk
        numbers = (
            (user["extension"], party.number) if outbound else (party.number, user["extension"])
        )
        plus = (
            "+"
            if call.variant.plus is not Plus.OMIT
            and len(party.number) > 6
            and party.number.isdigit()
            else ""
        )
        return _Leg(
            find=Step(
                hook="FindContact", values={"phone": plus + party.number}, expect=party.contact_ids
            ),
            create=Step(
                hook="CreateActivity",
                values={
                    "activity_type": "outbound" if outbound else "inbound",
                    "caller_number": numbers[0],
                    "called_number": numbers[1],
                    "call_start": call.end - (talk + rng.randint(3, MAX_RING_SECONDS)) * 1000,
                    "user_id": user.get("user_id", ""),
                    "user_email": user.get("email", ""),
                    "extension": user["extension"],
                },
            ),
            note=Step(
                hook="UpdateActivity",
                values={"subject": rng.choice(SUBJECTS), "comment": rng.choice(_COMMENTS)},
            ),
            stop=Step(
                hook="StopCallActivity",
                values={
                    "call_end": call.end,
                    "call_duration": talk,
                    "call_cause": cause or ("0" if talk else "19"),
                },
            ),
            recording=Step(
                hook="UpdateCallRecording",
                values={
                    "recording": sample_wav(
                        talk if self.full_recordings else 2, seed=rng.randrange(8)
                    )
                },
            ),
        )

    def _plain(self, call: Call, party: _Party) -> Call:
        leg = self._leg(call, party)
        return replace(
            call, party=party.number, steps=(leg.find, leg.create, leg.stop, leg.recording)
        )

    def known(self, call: Call) -> Call:
        """A contact calls, and the call is recorded."""
        return self._plain(call, self._contact())

    def unknown(self, call: Call) -> Call:
        """An unknown caller."""
        return self._plain(call, self._stranger())

    def anonymous(self, call: Call) -> Call:
        """A caller who withholds the number."""
        return self._plain(call, _Party(number=self._random.choice(_WITHHELD)))

    def extension(self, call: Call) -> Call:
        """An internal call. An extension never matches a contact, even if a number ends with it."""
        return self._plain(call, _Party(number=str(self._random.randint(200, 299))))

    def missed(self, call: Call) -> Call:
        """An unanswered call."""
        return self._unanswered(call, cause="19")

    def voicemail(self, call: Call) -> Call:
        """A caller who leaves a message."""
        return self._unanswered(call, cause="voicemail")

    def busy(self, call: Call) -> Call:
        """An outbound call to a busy line."""
        return self._unanswered(call, cause="17", outbound=True)

    def failed(self, call: Call) -> Call:
        """An outbound call to a number that is not in service."""
        return self._unanswered(call, cause="1", outbound=True)

    def _unanswered(self, call: Call, *, cause: str, outbound: bool = False) -> Call:
        party = self._anyone()
        leg = self._leg(call, party, outbound=outbound, talk=0, cause=cause)
        return replace(call, party=party.number, steps=(leg.find, leg.create, leg.stop))

    def outbound(self, call: Call) -> Call:
        """An outbound call with a note."""
        party = self._anyone()
        leg = self._leg(call, party, outbound=True)
        return replace(
            call,
            party=party.number,
            steps=(leg.find, leg.create, leg.note, leg.stop, leg.recording),
        )

    def ring_group(self, call: Call) -> Call:
        """A call that rings at several phones. One answers; the others stop first."""
        party = self._anyone()
        winner, *losers = (
            self._leg(call, party, user=user, talk=talk)
            for user, talk in zip(self._users(3), (None, 0, 0), strict=True)
        )
        legs = [*losers, winner]
        steps = (
            *(step for leg in legs for step in (leg.find, leg.create)),
            *(leg.stop for leg in legs),
            winner.note,
            winner.recording,
        )
        return replace(call, party=party.number, steps=steps)

    def late_recording(self, call: Call) -> Call:
        """A recording that is uploaded long after the call."""
        plain = self._plain(call, self._anyone())
        return replace(plain, steps=plain.steps[:-1], late=plain.steps[-1:])

    def new_contact(self, call: Call) -> Call:
        """An unknown caller becomes a contact during the call and is found afterwards."""
        party = self._stranger()
        leg = self._leg(call, party)
        first_name, last_name = next(self._names)
        create_contact = Step(
            hook="CreateContact",
            values={
                "firstname": first_name,
                "lastname": last_name,
                "email": f"{first_name}.{last_name}.{party.number}@example.com".lower(),
                "phone": f"+{party.number}",
                "company_name": "Example Kettles",
            },
        )
        steps = (
            leg.find,
            leg.create,
            create_contact,
            Step(hook="AssignActivity", values={}),
            Step(hook="UpdateContact", values={"job_title": "Buyer"}),
            leg.note,
            leg.stop,
            leg.recording,
            replace(leg.find, expect=None),
        )
        return replace(call, party=party.number, steps=steps)

    def duplicates(self, call: Call) -> Call:
        """The same, with every request sent twice."""
        call = self.new_contact(call)
        return replace(call, steps=[replace(step, times=2) for step in call.steps])

    def reordered(self, call: Call) -> Call:
        """The end and the note arrive before the start, identified by the call id only."""
        party = self._anyone()
        leg = self._leg(call, party)
        return replace(
            call,
            party=party.number,
            steps=(leg.find, leg.stop, leg.note, leg.create, leg.recording),
        )


SCENARIOS: Mapping[str, Callable[[CallMaker, Call], Call]] = {
    "known": CallMaker.known,
    "unknown": CallMaker.unknown,
    "anonymous": CallMaker.anonymous,
    "extension": CallMaker.extension,
    "missed": CallMaker.missed,
    "voicemail": CallMaker.voicemail,
    "busy": CallMaker.busy,
    "failed": CallMaker.failed,
    "outbound": CallMaker.outbound,
    "ring-group": CallMaker.ring_group,
    "late-recording": CallMaker.late_recording,
    "new-contact": CallMaker.new_contact,
    "duplicates": CallMaker.duplicates,
    "reordered": CallMaker.reordered,
}


def _numbers(row: Row) -> list[str]:
    """Return the digits of international numbers. Only the CRM can read others."""
    return [
        re.sub(r"\D", "", number)
        for number in (row.get("phone", ""), row.get("mobile", ""))
        if _INTERNATIONAL.fullmatch(number)
    ]
