"""``manage.py ringotel_simulate_webhook``: plays Ringotel's webhooks against a CRM."""

from __future__ import annotations

import json
import random
import sys
import time
from argparse import ArgumentTypeError
from pathlib import Path
from secrets import randbelow
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from ...simulator.auth import AuthError, credential_for
from ...simulator.document import DocumentError, read_document
from ...simulator.engine import Client
from ...simulator.report import Report
from ...simulator.webhooks import APART, EventMaker, WebhookSender, degrade

TIMEOUT = 10  # seconds for each answer
PARTIES = tuple(
    f"44207946{digits:04}" for digits in range(1000)
)  # reserved for drama by the regulator


def framework(path: str) -> Client:
    """Door 1, by what ``ringotel_connect --json`` wrote. Raises CommandError."""
    try:
        written = json.loads(Path(path).read_text("utf-8"))
        document, properties = read_document(written["document"]), written["properties"]
        return Client(
            document,
            credential_for(document, properties, timeout=TIMEOUT),
            properties,
            timeout=TIMEOUT,
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CommandError(f"--framework cannot be read: {type(error).__name__}.") from error
    except (DocumentError, AuthError) as error:
        raise CommandError(f"--framework: {error}") from error


def part(text: str) -> float:
    """From 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ArgumentTypeError("a number from 0 to 1 is expected")
    return value


class Command(BaseCommand):
    """Sends the events of made-up calls and messages, and reports how they were answered."""

    help = (
        "Plays Ringotel's webhooks against a CRM, with the values that ringotel_connect --door webhook --json wrote, "
        "and all doors at once with --framework. It WRITES: calls and, with --account-key-file, messages. The exit "
        "status is 0 if every event was answered with 200."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """See --help."""
        parser.add_argument(
            "connection", help='A file, or "-": what ringotel_connect --door webhook --json wrote.'
        )
        parser.add_argument(
            "--calls", type=int, default=20, metavar="N", help="How many calls (20)."
        )
        parser.add_argument(
            "--messages", type=int, default=0, metavar="N", help="How many messages (0)."
        )
        parser.add_argument(
            "--account-key-file",
            metavar="FILE",
            help="The account's key, which comes with messages.",
        )
        parser.add_argument(
            "--framework",
            metavar="FILE",
            help="What ringotel_connect --auth ... --json wrote: the same calls are told of at that door, too.",
        )
        parser.add_argument("--extensions", nargs="+", default=["500", "501", "502"], metavar="EXT")
        parser.add_argument(
            "--duplicate-rate",
            type=part,
            default=0,
            metavar="PART",
            help="How much is sent twice, 0 to 1.",
        )
        parser.add_argument(
            "--drop-rate",
            type=part,
            default=0,
            metavar="PART",
            help="How much is not sent, 0 to 1.",
        )
        parser.add_argument("--shuffle", action="store_true", help="In any order.")
        parser.add_argument(
            "--workers", type=int, default=1, metavar="N", help="How many at once (1)."
        )
        parser.add_argument(
            "--seed", type=int, help="The same seed sends the same, but for the times."
        )

    def handle(self, **options: Any) -> None:
        """Plays; raises CommandError, and so exits with 1, if an event was not taken."""
        try:
            text = (
                sys.stdin.read()
                if options["connection"] == "-"
                else Path(options["connection"]).read_text("utf-8")
            )
            properties = json.loads(text)["properties"]
            secret = {"api_token": properties["API token"]}
            url = properties["Webhook URL"]
            key_file = options["account_key_file"]
            key = Path(key_file).read_text("utf-8").strip() if key_file else ""
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CommandError(
                f"The connection or the key cannot be read: {type(error).__name__}."
            ) from error
        seed = options["seed"] if options["seed"] is not None else randbelow(10**6)
        begin = time.time_ns() // 1_000_000 - options["calls"] * APART
        maker = EventMaker(seed, options["extensions"], PARTIES, begin)
        door1 = framework(options["framework"]) if options["framework"] else None
        calls = list(maker.calls(options["calls"]))
        events = [
            event for call in calls for event in (*call.events(), *(call.hooks() if door1 else ()))
        ]
        if key:
            messages = maker.messages(options["messages"])
            events += [{**event, "api_key": key} for message in messages for event in message]
        bad = {name: options[name] for name in ("duplicate_rate", "drop_rate", "shuffle")}
        sent = degrade(events, random.Random(seed), **bad)  # noqa: S311 - plays, and keeps no secrets
        answers = WebhookSender(url, secret, framework=door1, timeout=TIMEOUT).send_all(
            sent, workers=options["workers"]
        )
        report = Report.of(
            list(tqdm(answers, total=len(sent), unit="event", disable=not sys.stderr.isatty()))
        )
        self.stdout.write(report.text())
        if not report.ok:
            raise CommandError(f"{len(report.problems)} events were not taken (seed {seed}).")
        self.stdout.write(self.style.SUCCESS(f"Every event was taken (seed {seed})."))
