"""Run the demo: a CRM with invented people, and a simulated Ringotel that calls them."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.utils import timezone

from demo_project.people import LOGINS
from demo_project.ring_groups import RingGroups
from demo_project.sample_data import PASSWORD, create_people, create_work
from ringotel_crm.auth.service_users import service_user
from ringotel_crm.hooks.document import build
from ringotel_crm.models import Activity, ApiKey
from ringotel_crm.services.calls.live import close_stale_calls
from ringotel_crm.simulator.auth import credential_for
from ringotel_crm.simulator.document import read_document
from ringotel_crm.simulator.engine import Client
from ringotel_crm.simulator.player import CrmUnreachable, Player, rate_limited
from ringotel_crm.simulator.report import Event
from ringotel_crm.simulator.scenarios import (
    MAX_RING_SECONDS,
    SCENARIOS,
    Call,
    CallMaker,
    SyncResult,
)

CALLS_OF_A_DAY = 42
MINUTES_BETWEEN_CALLS = 12
# Of yesterday's calls: the end of this one is never received.
CALL_WITHOUT_END = 28
# The live calls do not create contacts: sooner or later, these would look like duplicates.
# RingGroups plays the ring groups.
LIVE_SCENARIOS = [
    name for name in SCENARIOS if name not in ("new-contact", "duplicates", "ring-group")
]
MAX_CONCURRENT_CALLS = 20
# Seconds. Short calls fill the list of calls quickly.
MAX_TALK_YESTERDAY = 120
MAX_TALK = 20
HANG_UP_TIMEOUT = 2


class Command(BaseCommand):
    """Serve the demo site and simulate calls."""

    help = (
        "Starts a CRM with invented people on this computer and simulates calls: yesterday's calls "
        "first, then new ones until Ctrl-C. The data is stored in .demo/, or in the folder of the "
        "environment variable DEMO_DIR; delete that folder to start over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port", type=int, default=8000, help="port of the CRM (default: %(default)s)"
        )
        parser.add_argument(
            "--rate", type=float, default=0.3, help="calls per second (default: %(default)s)"
        )
        parser.add_argument("--once", action="store_true", help="exit after yesterday's calls")

    def handle(self, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        # Calls that were interrupted when this command was killed.
        close_stale_calls(timezone.now())
        create_people()
        # A closed terminal ends the demo like Ctrl-C.
        for name in {"SIGTERM", "SIGHUP"} & set(dir(signal)):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.default_int_handler)
        with serving(options["port"]) as base_url:
            try:
                failure = self.play(base_url, once=options["once"], rate=options["rate"])
            except KeyboardInterrupt:
                self.stdout.write("\nStopped. The data is kept; run the command again to continue.")
                return
            finally:
                close_stale_calls(timezone.now())
        if failure:
            raise CommandError(failure)

    def play(self, base_url: str, *, once: bool, rate: float) -> str:
        """Simulate calls. Return a problem that ended the demo, or ""."""
        _key, token = ApiKey.objects.issue(name="demo", user=service_user("demo"))
        properties = {"API key": token}
        document = read_document(build("bearer", base_url))
        client = Client(document, credential_for(document, properties), properties)
        player = Player(client)
        try:
            data = player.set_up()
            ring_groups = RingGroups(base_url, data)
            if not Activity.objects.filter(start__gte=yesterday(), start__lt=today()).exists():
                self.stdout.write("Playing yesterday's calls ...")
                player.play(yesterdays_calls(data))
                ring_groups.play_day(yesterday().replace(hour=17))
                close_stale_calls(timezone.now())
            create_work()
            if not once:
                self.print_logins(base_url)
                self.play_in_real_time(client, data, ring_groups, rate)
        except CrmUnreachable as exc:
            return str(exc)
        report = player.report()
        self.stdout.write(report.text())
        return "" if report.ok else "Some responses did not match the document."

    def print_logins(self, base_url: str) -> None:
        """Print the address of the site and a login of each role."""
        lines = [
            f"  {role:14} {base_url}/admin/   login: {login:5}  password: {PASSWORD}"
            for role, login in LOGINS.items()
        ]
        self.stdout.write(self.style.SUCCESS("\n".join(["", *lines, ""])))

    def play_in_real_time(
        self, client: Client, data: SyncResult, ring_groups: RingGroups, rate: float
    ) -> None:
        """Simulate concurrent calls that ring and last as long as they report.

        Raises ``CrmUnreachable``.
        """
        length = MAX_TALK + MAX_RING_SECONDS + 1
        maker = CallMaker(
            data,
            random.randrange(10**6),
            clock=lambda: int((time.time() + length) * 1000),
            max_talk=MAX_TALK,
            full_recordings=True,
        )
        lines = threading.Semaphore(MAX_CONCURRENT_CALLS)
        hang_up = threading.Event()

        def show(events: list[Event]) -> None:
            if not hang_up.is_set():
                self.print_call(events)

        groups = threading.Thread(
            target=ring_groups.play_in_real_time, args=[hang_up, show], daemon=True
        )
        groups.start()
        threads = [groups]
        failures: list[CrmUnreachable] = []

        def play(call: Call) -> None:
            events: list[Event] = []
            try:
                Player(client, on_event=events.append, hang_up=hang_up).play([call])
                show(events)
            except CrmUnreachable as exc:
                failures.append(exc)
            finally:
                lines.release()

        try:
            for call in rate_limited(maker.calls(None, LIVE_SCENARIOS), rate):
                lines.acquire()
                if failures:
                    raise failures[0]
                thread = threading.Thread(target=play, args=[call], daemon=True)
                thread.start()
                threads = [*filter(threading.Thread.is_alive, threads), thread]
        finally:
            hang_up.set()
            for thread in threads:
                thread.join(HANG_UP_TIMEOUT)

    def print_call(self, events: list[Event]) -> None:
        """Print one line for a call that has ended."""
        last = events[-1]
        caller = last.contact or last.caller or "withheld number"
        problems = "; ".join(problem for event in events for problem in event.problems)
        self.stdout.write(
            f"{timezone.localtime():%H:%M:%S}  {last.scenario:16} {caller:24} "
            f"{len(events):2} requests  {self.style.ERROR(problems)}".rstrip()
        )


def today() -> dt.datetime:
    """Return the beginning of the day."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def yesterday() -> dt.datetime:
    """Return the beginning of the day before."""
    return timezone.make_aware(timezone.make_naive(today()) - dt.timedelta(days=1))


def yesterdays_calls(data: SyncResult) -> Iterator[Call]:
    """Yield calls from eight o'clock on; the same calls for the same people."""
    morning = yesterday().replace(hour=8)
    minutes = itertools.count(step=MINUTES_BETWEEN_CALLS)
    clock = (int((morning + dt.timedelta(minutes=minute)).timestamp() * 1000) for minute in minutes)
    maker = CallMaker(
        data, 1, clock=clock.__next__, max_talk=MAX_TALK_YESTERDAY, full_recordings=True
    )
    for number, call in enumerate(maker.calls(CALLS_OF_A_DAY)):
        is_cut = number == CALL_WITHOUT_END
        yield replace(call, steps=call.steps[:2], late=()) if is_cut else call


@contextmanager
def serving(port: int) -> Iterator[str]:
    """Serve the site from threads of this process until the block ends. Yield its URL."""
    address = ("127.0.0.1", port)
    try:
        server = ThreadedWSGIServer(address, RequestHandler)
    except OSError:  # another program uses the port
        server = ThreadedWSGIServer((address[0], 0), RequestHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{address[0]}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class RequestHandler(WSGIRequestHandler):
    """Handler of a request that does not log it."""

    def log_message(self, *args: Any) -> None:
        """Print nothing."""
