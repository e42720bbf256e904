"""``manage.py ringotel_simulate``: plays Ringotel against a CRM."""

from __future__ import annotations

import json
import random
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from secrets import randbelow
from typing import Any, TypeVar

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from tqdm import tqdm

from ...simulator.auth import AuthError, credential_for
from ...simulator.document import DocumentError, read_document
from ...simulator.engine import Client, Plus, Recording, WireVariant
from ...simulator.player import CrmUnreachable, Player, rate_limited
from ...simulator.scenarios import SCENARIOS, CallMaker
from ...simulator.template import Absent

MIXED = "mixed"
Choice = TypeVar("Choice", bound=StrEnum)


class HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of the examples."""


class Command(BaseCommand):
    """Reads a document as Ringotel does, plays calls against the CRM, and reports what was not as promised."""

    help = """\
Plays a Ringotel server against a CRM, which it knows by its JSON document alone: set-up, sync, and calls.
It WRITES: activities, recordings, and contacts with made-up names.

  manage.py ringotel_connect --auth bearer --base-url http://127.0.0.1:8000 --json > connect.json
  manage.py ringotel_simulate connect.json --calls 50
  manage.py ringotel_simulate document.json -p "API key=rtk_..." --base-url https://staging.example.com

The exit status is 0 if all went as the document promises, else 1."""
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """With examples in --help."""
        return super().create_parser(
            prog_name, subcommand, **{"formatter_class": HelpFormatter, **kwargs}
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """See --help."""
        parser.add_argument(
            "document", help='A file, or "-": a document, or what ringotel_connect --json wrote.'
        )
        parser.add_argument(
            "--base-url",
            default="",
            metavar="URL",
            help="Replaces scheme and host of the document.",
        )
        parser.add_argument(
            "--variable",
            action="append",
            default=[],
            metavar="NAME=NEW",
            help='What the document calls a variable, as in RINGOTEL_CRM["VARIABLE_NAMES"]: phone=number.',
        )
        keys = parser.add_argument_group("credentials")
        keys.add_argument(
            "--properties",
            metavar="FILE",
            help="A JSON object with the values of the portal's form.",
        )
        keys.add_argument(
            "-p",
            "--property",
            action="append",
            default=[],
            metavar="LABEL=VALUE",
            help="One value.",
        )
        keys.add_argument(
            "--access-token", default="", metavar="TOKEN", help="OAuth2: a token to play with."
        )
        keys.add_argument(
            "--refresh-token",
            default="",
            metavar="TOKEN",
            help="OAuth2: renews the access token when it is refused.",
        )
        keys.add_argument(
            "--code", default="", help="OAuth2: an authorization code to exchange for tokens."
        )
        keys.add_argument(
            "--redirect-uri",
            default="",
            metavar="URI",
            help="OAuth2: the one the code was sent to.",
        )
        play = parser.add_argument_group("what to play")
        names = f"Only these, by turns: {', '.join(SCENARIOS)}."
        play.add_argument(
            "--calls", type=_count, default=20, metavar="N", help="How many calls (20)."
        )
        play.add_argument(
            "--rate", type=_rate, default=0, metavar="R", help="Calls a second; 0: no pause (0)."
        )
        play.add_argument(
            "--scenario", nargs="+", choices=SCENARIOS, default=[], metavar="NAME", help=names
        )
        play.add_argument(
            "--seed", type=int, help="The same seed makes the same calls for the same CRM."
        )
        play.add_argument(
            "--timeout", type=_timeout, default=10, metavar="S", help="Seconds to wait (10)."
        )
        style = parser.add_argument_group("what Ringotel leaves open (mixed: drawn for each call)")
        for option, kind, default, text in (
            ("--absent", Absent, MIXED, "How a variable without a value arrives (mixed)."),
            (
                "--plus",
                Plus,
                MIXED,
                "The + of a number in a URL: left out, %%2B, or as it is (mixed).",
            ),
            ("--recording", Recording, Recording.DOCUMENT, "How a recording is sent (document)."),
        ):
            style.add_argument(
                option,
                choices=[*(choice.value for choice in kind), MIXED],
                default=default,
                help=text,
            )
        parser.add_argument("--json", action="store_true", help="Write the report as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Plays; raises CommandError, and so exits with 1, if anything was not as promised."""
        data = _read_json(options["document"])
        properties: dict[str, str] = {}
        if isinstance(data, dict) and "document" in data:
            properties |= _texts(data.get("properties"), options["document"])
            data = data["document"]
        if options["properties"]:
            properties |= _texts(_read_json(options["properties"]), options["properties"])
        properties |= _pairs(options["property"])
        try:
            document = read_document(
                data, base_url=options["base_url"], renamed=_pairs(options["variable"])
            )
            credential = credential_for(
                document,
                properties,
                access_token=options["access_token"],
                refresh_token=options["refresh_token"],
                code=options["code"],
                redirect_uri=options["redirect_uri"],
                timeout=options["timeout"],
            )
        except (DocumentError, AuthError) as error:
            raise CommandError(str(error)) from error

        seed = options["seed"] if options["seed"] is not None else randbelow(10**6)
        player = Player(Client(document, credential, properties, timeout=options["timeout"]))
        failure = ""
        try:
            maker = CallMaker(player.set_up(), seed, _chooser(options))
            calls = rate_limited(
                maker.calls(options["calls"], options["scenario"]), options["rate"]
            )
            progress = tqdm(
                calls, total=options["calls"], unit="call", disable=not sys.stderr.isatty()
            )
            player.play(progress)
        except CrmUnreachable as error:
            failure = str(error)
        report = player.report()
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict() | {"seed": seed}, indent=2))
        else:
            self.stdout.write(report.text())
        if failure or not report.ok:
            raise CommandError(
                failure or f"{len(report.problems)} answers were not as promised (seed {seed})."
            )
        if not options["json"]:
            self.stdout.write(
                self.style.SUCCESS(f"All as {document.name}'s document promises (seed {seed}).")
            )


def _chooser(options: dict[str, Any]) -> Callable[[random.Random], WireVariant]:
    def draw(rng: random.Random, kind: type[Choice], value: str) -> Choice:
        return rng.choice(list(kind)) if value == MIXED else kind(value)

    return lambda rng: WireVariant(
        absent=draw(rng, Absent, options["absent"]),
        plus=draw(rng, Plus, options["plus"]),
        recording=draw(rng, Recording, options["recording"]),
    )


def _read_json(path: str) -> Any:
    try:
        return json.loads(
            sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        )
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"{path} is not JSON.") from error


def _texts(properties: Any, path: str) -> dict[str, str]:
    if not isinstance(properties, dict) or not all(
        isinstance(value, str) for value in properties.values()
    ):
        raise CommandError(f"{path}: the properties must be an object with texts.")
    return properties


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise CommandError("A property or variable is given as NAME=VALUE.")
    return dict(text.split("=", 1) for text in texts)


def _number(kind: type[float], least: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not least <= value < float("inf"):
            raise ValueError(text)
        return value

    return number


_count = _number(int, 1)
_rate = _number(float, 0)
_timeout = _number(float, 0.1)
