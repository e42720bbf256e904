"""Run the demo: a CRM with invented people, and a simulated Ringotel that calls them."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from demo_project.people import AGENTS, CONTACTS
from ringotel_crm.auth.service_users import service_user
from ringotel_crm.hooks.document import build
from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization, PhoneKind
from ringotel_crm.models import Agent, ApiKey
from ringotel_crm.services.calls.live import close_stale_calls
from ringotel_crm.simulator.auth import credential_for
from ringotel_crm.simulator.document import read_document
from ringotel_crm.simulator.engine import Client
from ringotel_crm.simulator.player import CrmUnreachable, Player, rate_limited
from ringotel_crm.simulator.report import Event
from ringotel_crm.simulator.scenarios import MAX_RING_SECONDS, Call, CallMaker, SyncResult

LOGIN = PASSWORD = "demo"
# Some of the calls ring on the phone of this user.
EXTENSION = "504"
CALLS_OF_A_DAY = 40
MINUTES_BETWEEN_CALLS = 12
MAX_CONCURRENT_CALLS = 20
# Seconds. Short calls fill the list of calls quickly.
MAX_TALK = 20
START_TIMEOUT = 30
HANG_UP_TIMEOUT = 2


class Command(BaseCommand):
    """Serve the demo site and simulate calls."""

    help = (
        "Starts a CRM with invented people on this computer and simulates calls: yesterday's calls "
        "first, then new ones until Ctrl-C. The data is stored in .demo/; delete that folder to "
        "start over."
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
        base_url = f"http://127.0.0.1:{free_port(options['port'])}"
        with serving(base_url):
            where = f"\n  The CRM:  {base_url}/admin/    login: {LOGIN}   password: {PASSWORD}\n"
            self.stdout.write(self.style.SUCCESS(where))
            try:
                failure = self.play(base_url, once=options["once"], rate=options["rate"])
            except KeyboardInterrupt:
                self.stdout.write("\nStopped. The data is kept; run the command again to continue.")
                return
        if failure:
            raise CommandError(failure)

    def play(self, base_url: str, *, once: bool, rate: float) -> str:
        """Simulate calls. Return a problem that ended the demo, or ""."""
        _key, token = ApiKey.objects.issue(name="demo", user=service_user("demo"))
        properties = {"API key": token}
        document = read_document(build("bearer", base_url))
        client = Client(document, credential_for(document, properties), properties)
        player = Player(client, on_event=self.show)
        try:
            data = player.set_up()
            player.play(yesterdays_calls(data))
            if not once:
                self.play_in_real_time(client, data, rate)
        except CrmUnreachable as exc:
            return str(exc)
        report = player.report()
        self.stdout.write(report.text())
        return "" if report.ok else "Some responses did not match the document."

    def play_in_real_time(self, client: Client, data: SyncResult, rate: float) -> None:
        """Simulate concurrent calls that ring and last as long as they report.

        Raises ``CrmUnreachable``.
        """
        length = MAX_TALK + MAX_RING_SECONDS + 1
        maker = CallMaker(
            data,
            random.randrange(10**6),
            clock=lambda: int((time.time() + length) * 1000),
            max_talk=MAX_TALK,
        )
        lines = threading.Semaphore(MAX_CONCURRENT_CALLS)
        hang_up = threading.Event()
        threads: list[threading.Thread] = []
        failures: list[CrmUnreachable] = []

        def play(call: Call) -> None:
            try:
                Player(client, on_event=self.show, hang_up=hang_up).play([call])
            except CrmUnreachable as exc:
                failures.append(exc)
            finally:
                lines.release()

        try:
            for call in rate_limited(maker.calls(None), rate):
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

    def show(self, event: Event) -> None:
        """Print one line per request."""
        caller = event.contact or event.caller
        line = (
            f"{timezone.localtime():%H:%M:%S}  {event.hook:20} {event.scenario:16} "
            f"{caller:24} {event.status}"
        )
        problem = "; ".join(event.problems)
        self.stdout.write(
            f"{line}  {event.milliseconds:5.0f} ms  {self.style.ERROR(problem)}".rstrip()
        )


def yesterdays_calls(data: SyncResult) -> Iterator[Call]:
    """Yield calls from eight o'clock on; the same calls for the same people."""
    yesterday = timezone.localtime().date() - dt.timedelta(days=1)
    morning = timezone.make_aware(dt.datetime.combine(yesterday, dt.time(8)))
    minutes = itertools.count(step=MINUTES_BETWEEN_CALLS)
    clock = (int((morning + dt.timedelta(minutes=minute)).timestamp() * 1000) for minute in minutes)
    return CallMaker(data, 1, clock=clock.__next__).calls(CALLS_OF_A_DAY)


def create_people() -> None:
    """Create users and contacts, unless they exist already."""
    users = get_user_model()._default_manager
    staff, created = users.get_or_create(
        username=LOGIN, defaults={"is_staff": True, "is_superuser": True}
    )
    if created:
        staff.set_password(PASSWORD)
        staff.save()
    Agent.objects.get_or_create(user=staff, defaults={"extension": EXTENSION})
    for username, first_name, last_name, extension in AGENTS:
        email = f"{username}@example.com"
        agent, _created = users.get_or_create(
            username=username,
            defaults={"first_name": first_name, "last_name": last_name, "email": email},
        )
        Agent.objects.get_or_create(user=agent, defaults={"extension": extension})
    if Contact.objects.exists():
        return
    for company, switchboard, first_name, last_name, title, work, mobile in CONTACTS:
        organization = None
        if company:
            organization, _created = Organization.objects.get_or_create(
                name=company, defaults={"phone": switchboard}
            )
        contact = Contact.objects.create(
            first_name=first_name, last_name=last_name, job_title=title, organization=organization
        )
        for kind, number in ((PhoneKind.WORK, work), (PhoneKind.MOBILE, mobile)):
            if number:
                ContactPhone.objects.create(contact=contact, kind=kind, raw=number)


def free_port(wanted: int) -> int:
    """Return ``wanted``, or any free port if another program uses it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise CommandError("No free port on this computer.")


@contextmanager
def serving(base_url: str) -> Iterator[None]:
    """Run the development server in a process of its own until the block ends."""
    address = base_url.removeprefix("http://")
    command = [sys.executable, sys.argv[0], "runserver", "--noreload", address]
    # In its own session: this process handles Ctrl-C and a closed terminal, and ends the server.
    for name in {"SIGTERM", "SIGHUP"} & set(dir(signal)):  # Windows has no SIGHUP
        signal.signal(getattr(signal, name), signal.default_int_handler)
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_for(base_url, server)
        yield
    finally:
        server.terminate()
        server.wait(timeout=10)


def wait_for(base_url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server responds. Raises ``CommandError`` if it does not."""
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end and server.poll() is None:
        try:
            requests.get(f"{base_url}/admin/login/", timeout=START_TIMEOUT)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise CommandError(f"The server did not start. Run: {sys.argv[0]} runserver --noreload")
