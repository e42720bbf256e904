"""Simulate Ringotel."""

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
    """Keep the line breaks of the examples."""


class Command(BaseCommand):
    help = """\
Simulates a Ringotel server, which knows the CRM only from its JSON document: setup, synchronization
and calls. It WRITES calls, recordings, and contacts with invented names: use a disposable database.

  manage.py ringotel_connect --auth bearer --base-url http://127.0.0.1:8000 --json > connect.json
  manage.py ringotel_simulate connect.json --calls 50
  manage.py ringotel_simulate document.json -p "API key=rtk_..." --base-url https://staging.example.com

The exit status is 0 if all responses match the document, and 1 otherwise."""
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, **{"formatter_class": HelpFormatter, **kwargs}
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "document", help='file, or "-": a document, or the output of ringotel_connect --json'
        )
        parser.add_argument(
            "--base-url",
            default="",
            metavar="URL",
            help="replaces the scheme and host of the document",
        )
        parser.add_argument(
            "--variable",
            action="append",
            default=[],
            metavar="NAME=NEW",
            help='name of a variable in the document, as in RINGOTEL_CRM["VARIABLE_NAMES"]',
        )
        keys = parser.add_argument_group("credentials")
        keys.add_argument(
            "--properties",
            metavar="FILE",
            help="JSON object with the values of the portal's form",
        )
        keys.add_argument(
            "-p",
            "--property",
            action="append",
            default=[],
            metavar="LABEL=VALUE",
            help="a single value",
        )
        keys.add_argument(
            "--access-token", default="", metavar="TOKEN", help="OAuth2: an access token"
        )
        keys.add_argument(
            "--refresh-token",
            default="",
            metavar="TOKEN",
            help="OAuth2: renews the access token when it is rejected",
        )
        keys.add_argument(
            "--code", default="", help="OAuth2: an authorization code to exchange for tokens"
        )
        keys.add_argument(
            "--redirect-uri",
            default="",
            metavar="URI",
            help="OAuth2: the redirect URI of the code",
        )
        play = parser.add_argument_group("calls")
        names = f"only these, in turn: {', '.join(SCENARIOS)}"
        play.add_argument(
            "--calls", type=_count, default=20, metavar="N", help="number of calls (default: 20)"
        )
        play.add_argument(
            "--rate",
            type=_rate,
            default=0,
            metavar="R",
            help="calls per second; 0: no pause (default: 0)",
        )
        play.add_argument(
            "--scenario", nargs="+", choices=SCENARIOS, default=[], metavar="NAME", help=names
        )
        play.add_argument(
            "--seed", type=int, help="the same seed generates the same calls for the same CRM"
        )
        play.add_argument(
            "--timeout",
            type=_timeout,
            default=10,
            metavar="S",
            help="seconds to wait for a response (default: 10)",
        )
        style = parser.add_argument_group("undocumented variants (mixed: chosen for each call)")
        for option, kind, default, text in (
            ("--absent", Absent, MIXED, "how a variable without a value is sent (default: mixed)"),
            (
                "--plus",
                Plus,
                MIXED,
                "the + of a number in a URL: omitted, %%2B or bare (default: mixed)",
            ),
            (
                "--recording",
                Recording,
                Recording.DOCUMENT,
                "how a recording is sent (default: document)",
            ),
        ):
            style.add_argument(
                option,
                choices=[*(choice.value for choice in kind), MIXED],
                default=default,
                help=text,
            )
        parser.add_argument("--json", action="store_true", help="write the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
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
        except (DocumentError, AuthError) as exc:
            raise CommandError(str(exc)) from exc

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
        except CrmUnreachable as exc:
            failure = str(exc)
        report = player.report()
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict() | {"seed": seed}, indent=2))
        else:
            self.stdout.write(report.text())
        if failure or not report.ok:
            raise CommandError(
                failure
                or f"{len(report.problems)} responses did not match the document (seed {seed})."
            )
        if not options["json"]:
            self.stdout.write(
                self.style.SUCCESS(
                    f"All responses match the document of {document.name} (seed {seed})."
                )
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
    except OSError as exc:
        raise CommandError(f"{path}: {exc.strerror}") from exc
    except ValueError as exc:
        raise CommandError(f"{path} is not JSON.") from exc


def _texts(properties: Any, path: str) -> dict[str, str]:
    if not isinstance(properties, dict) or not all(
        isinstance(value, str) for value in properties.values()
    ):
        raise CommandError(f"{path}: the properties must be an object of strings.")
    return properties


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise CommandError("Enter a property or variable as NAME=VALUE.")
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
