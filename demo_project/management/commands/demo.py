"""The whole product on one screen: a CRM with invented people, and a Ringotel that calls them."""

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
from ringotel_crm.simulator.auth import credential_for
from ringotel_crm.simulator.document import read_document
from ringotel_crm.simulator.engine import Client
from ringotel_crm.simulator.player import CrmUnreachable, Player, rate_limited
from ringotel_crm.simulator.report import Event
from ringotel_crm.simulator.scenarios import MAX_RING_SECONDS, Call, CallMaker, SyncResult

LOGIN = PASSWORD = "demo"
CALLS_OF_A_DAY = 40
MINUTES_BETWEEN_CALLS = 12
MOST_CALLS_AT_ONCE = 20
LONGEST_TALK = (
    20  # seconds: short, so that there is something to see on the live board and in the list
)
START_SECONDS = 30


class Command(BaseCommand):
    """See ``help``."""

    help = (
        "Start a CRM with invented people on this computer, and play calls into it: those of yesterday, and then new "
        "ones until Ctrl-C. Everything is kept below .demo/; delete that folder to begin anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument(
            "--port", type=int, default=8000, help="where the CRM listens (default: %(default)s)"
        )
        parser.add_argument(
            "--rate", type=float, default=0.3, help="calls a second (default: %(default)s)"
        )
        parser.add_argument("--once", action="store_true", help="end after those of yesterday")

    def handle(self, **options: Any) -> None:
        """Prepare, serve, play."""
        call_command("migrate", verbosity=0)
        invent_people()
        base_url = f"http://127.0.0.1:{free_port(options['port'])}"
        with serving(base_url):
            where = f"\n  The CRM:  {base_url}/admin/    login: {LOGIN}   password: {PASSWORD}\n"
            self.stdout.write(self.style.SUCCESS(where))
            try:
                failure = self.play(base_url, once=options["once"], rate=options["rate"])
            except KeyboardInterrupt:
                self.stdout.write("\nEnded. What was played is kept; start again to go on.")
                return
        if failure:
            raise CommandError(failure)

    def play(self, base_url: str, *, once: bool, rate: float) -> str:
        """Be Ringotel. Returns what went wrong."""
        _key, token = ApiKey.objects.issue(name="demo", user=service_user("demo"))
        properties = {"API key": token}
        document = read_document(build("bearer", base_url))
        client = Client(document, credential_for(document, properties), properties)
        player = Player(client, on_event=self.show)
        try:
            world = player.set_up()
            player.play(calls_of_yesterday(world))  # so that there is something to look back on
            if not once:
                self.play_in_time(client, world, rate)
        except CrmUnreachable as exc:
            return str(exc)
        report = player.report()
        self.stdout.write(report.text())
        return "" if report.ok else "Some answers were not as the document promises."

    def play_in_time(self, client: Client, world: SyncResult, rate: float) -> None:
        """Several calls at a time, each of which rings and runs as long as it says. Raises GaveUp."""
        length = LONGEST_TALK + MAX_RING_SECONDS + 1
        maker = CallMaker(
            world,
            random.randrange(10**6),
            clock=lambda: int((time.time() + length) * 1000),
            longest_talk=LONGEST_TALK,
        )
        lines = threading.Semaphore(MOST_CALLS_AT_ONCE)
        failures: list[CrmUnreachable] = []

        def play(call: Call) -> None:
            try:
                Player(client, on_event=self.show, in_time=True).play([call])
            except CrmUnreachable as exc:
                failures.append(exc)
            finally:
                lines.release()

        for call in rate_limited(maker.calls(None), rate):
            lines.acquire()
            if failures:
                raise failures[0]
            threading.Thread(target=play, args=[call], daemon=True).start()

    def show(self, event: Event) -> None:
        """One line for each request."""
        who = event.contact or event.caller
        line = f"{timezone.localtime():%H:%M:%S}  {event.hook:20} {event.scenario:16} {who:24} {event.status}"
        problem = "; ".join(event.problems)
        self.stdout.write(
            f"{line}  {event.milliseconds:5.0f} ms  {self.style.ERROR(problem)}".rstrip()
        )


def calls_of_yesterday(world: SyncResult) -> Iterator[Call]:
    """From eight o'clock on; the same calls for the same people."""
    yesterday = timezone.localtime().date() - dt.timedelta(days=1)
    morning = timezone.make_aware(dt.datetime.combine(yesterday, dt.time(8)))
    minutes = itertools.count(step=MINUTES_BETWEEN_CALLS)
    clock = (int((morning + dt.timedelta(minutes=minute)).timestamp() * 1000) for minute in minutes)
    return CallMaker(world, 1, clock=clock.__next__).calls(CALLS_OF_A_DAY)


def invent_people() -> None:
    """Staff and contacts, unless they are there from an earlier time."""
    users = get_user_model()._default_manager
    staff, created = users.get_or_create(
        username=LOGIN, defaults={"is_staff": True, "is_superuser": True}
    )
    if created:
        staff.set_password(PASSWORD)
        staff.save()
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
    """``wanted``, or any port that is free if another program has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise CommandError("There is no free port on this computer.")


@contextmanager
def serving(base_url: str) -> Iterator[None]:
    """The site's own server, in a process of its own, from when it answers until the end of the block."""
    address = base_url.removeprefix("http://")
    command = [sys.executable, sys.argv[0], "runserver", "--noreload", address]
    # A session of its own: Ctrl-C is for this process, which then ends the server; so is closing the terminal.
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
    """Until the server answers; raises ``CommandError`` if it does not."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            requests.get(f"{base_url}/admin/login/", timeout=START_SECONDS)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise CommandError(f"The server did not start. See why: {sys.argv[0]} runserver --noreload")
