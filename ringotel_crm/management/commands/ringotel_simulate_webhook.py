"""Simulate Ringotel's webhooks."""

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

# Seconds for each response.
TIMEOUT = 10
# Numbers reserved for fiction.
PARTIES = tuple(f"44207946{digits:04}" for digits in range(1000))


def rate(text: str) -> float:
    """Parse a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ArgumentTypeError("must be a number from 0 to 1")
    return value


class Command(BaseCommand):
    help = (
        "Simulates Ringotel's webhooks with the output of ringotel_connect_webhook and, with "
        "--framework, the hooks of the same calls. It WRITES calls and, with --api-key-file, "
        "messages. The exit status is 0 if every event was answered with 200."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "connection", help='file, or "-": the output of ringotel_connect_webhook'
        )
        parser.add_argument(
            "--calls", type=int, default=20, metavar="N", help="number of calls (default: 20)"
        )
        parser.add_argument(
            "--messages", type=int, default=0, metavar="N", help="number of messages (default: 0)"
        )
        parser.add_argument(
            "--api-key-file",
            metavar="FILE",
            help="file with the account's API key, which is part of message events",
        )
        parser.add_argument(
            "--framework",
            metavar="FILE",
            help="output of ringotel_connect --json: also call the hooks of the same calls",
        )
        parser.add_argument("--extensions", nargs="+", default=["500", "501", "502"], metavar="EXT")
        parser.add_argument(
            "--duplicate-rate",
            type=rate,
            default=0,
            metavar="RATE",
            help="share of events sent twice, 0 to 1",
        )
        parser.add_argument(
            "--drop-rate",
            type=rate,
            default=0,
            metavar="RATE",
            help="share of events not sent, 0 to 1",
        )
        parser.add_argument("--shuffle", action="store_true", help="send in random order")
        parser.add_argument(
            "--workers",
            type=int,
            default=1,
            metavar="N",
            help="number of concurrent senders (default: 1)",
        )
        parser.add_argument(
            "--seed", type=int, help="the same seed sends the same events, apart from the times"
        )

    def handle(self, **options: Any) -> None:
        url, secret, key = self.read_connection(options)
        framework = self.read_framework(options["framework"]) if options["framework"] else None
        seed = options["seed"] if options["seed"] is not None else randbelow(10**6)
        begin = time.time_ns() // 1_000_000 - options["calls"] * APART
        maker = EventMaker(seed, options["extensions"], PARTIES, begin)
        events: list[dict[str, Any]] = []
        for call in maker.calls(options["calls"]):
            events += call.events()
            if framework:
                events += call.hooks()
        for message in maker.messages(options["messages"]) if key else ():
            events += ({**event, "api_key": key} for event in message)
        rates = {name: options[name] for name in ("duplicate_rate", "drop_rate", "shuffle")}
        sent = degrade(events, random.Random(seed), **rates)  # noqa: S311
        sender = WebhookSender(url, secret, framework=framework, timeout=TIMEOUT)
        answers = sender.send_all(sent, workers=options["workers"])
        bar = tqdm(answers, total=len(sent), unit="event", disable=not sys.stderr.isatty())
        report = Report.of(list(bar))
        self.stdout.write(report.text())
        if not report.ok:
            raise CommandError(f"{len(report.problems)} events were not accepted (seed {seed}).")
        self.stdout.write(self.style.SUCCESS(f"All events were accepted (seed {seed})."))

    def read_connection(self, options: dict[str, Any]) -> tuple[str, dict[str, str], str]:
        """Return the URL, the token and the account's API key or "". Raises ``CommandError``."""
        path, key_path = options["connection"], options["api_key_file"]
        try:
            text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
            properties = json.loads(text)["properties"]
            key = Path(key_path).read_text("utf-8").strip() if key_path else ""
            return properties["Webhook URL"], {"api_token": properties["API token"]}, key
        except (OSError, ValueError, LookupError, TypeError) as exc:
            raise CommandError(
                f"The connection or the key cannot be read: {type(exc).__name__}."
            ) from exc

    def read_framework(self, path: str) -> Client:
        """Return a client for the output of ringotel_connect --json. Raises ``CommandError``."""
        try:
            written = json.loads(Path(path).read_text("utf-8"))
            document, properties = read_document(written["document"]), written["properties"]
            credential = credential_for(document, properties, timeout=TIMEOUT)
        except (DocumentError, AuthError) as exc:
            raise CommandError(f"--framework: {exc}") from exc
        except (OSError, ValueError, LookupError, TypeError) as exc:
            raise CommandError(f"--framework cannot be read: {type(exc).__name__}.") from exc
        return Client(document, credential, properties, timeout=TIMEOUT)
