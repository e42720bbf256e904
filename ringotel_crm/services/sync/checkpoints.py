"""How far a command has come, and that only one of its kind runs at a time."""

from __future__ import annotations

import datetime as dt
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext as _

from ... import databases
from ...exceptions import InvalidInput
from ...models import Checkpoint
from .. import locks

logger = logging.getLogger("ringotel_crm.jobs")

LINE = "%(job)s tenant=%(tenant)s outcome=%(outcome)s seconds=%(seconds).1f"

# A command that has not renewed its lease for this long is considered dead.
LEASE = dt.timedelta(minutes=10)
# The same for commands none of whose steps takes longer than a file.
SHORT_LEASE = dt.timedelta(minutes=2)
# A lease is written again at most once in this time.
RENEW_AFTER = dt.timedelta(seconds=20)


@databases.fresh_reads()
def read(tenant: str, name: str) -> Any:
    """Return the value last written under ``name``; None if there is no value yet."""
    return (
        Checkpoint.objects.filter(tenant=tenant, name=name).values_list("value", flat=True).first()
    )


def write(tenant: str, name: str, value: Any) -> None:
    """Store a value that JSON can represent for the next run."""
    locks.upsert(
        Checkpoint(tenant=tenant, name=name, value=value),
        key=["tenant", "name"],
        update_field="value",
    )


@contextmanager
def exclusive(tenant: str, name: str, lease: dt.timedelta = LEASE) -> Iterator[Callable[[], None]]:
    """Hold the lease of a command, and yield a function that renews it, to be called for each row.

    The lease ends with the block, also if the process is stopped by SIGTERM. Only after the process
    was killed, the next one has to wait until it expires.

    Raises ``InvalidInput`` if another process holds it.
    """
    key = f"{name} is running"
    renewed_at: dt.datetime | None = None

    def renew() -> None:
        nonlocal renewed_at
        now = timezone.now()
        if renewed_at is None or now - renewed_at > RENEW_AFTER:
            write(tenant, key, (now + lease).isoformat())
            renewed_at = now

    with databases.atomic():
        locks.acquire(f"{key} {tenant}")
        until = read(tenant, key)
        if until and (ends_at := dt.datetime.fromisoformat(until)) > timezone.now():
            message = _("This command is already running. Try again after %(time)s at the latest.")
            raise InvalidInput(message % {"time": localize(timezone.localtime(ends_at))})
        renew()
    started, outcome = time.monotonic(), "failed"
    try:
        with _exit_on_sigterm():
            yield renew
        outcome = "done"
    finally:
        write(tenant, key, "")
        seconds = time.monotonic() - started
        values = {"job": name, "tenant": tenant, "outcome": outcome, "seconds": seconds}
        logger.log(logging.INFO if outcome == "done" else logging.ERROR, LINE, values, extra=values)


@contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Raise ``SystemExit`` on SIGTERM, which otherwise ends the process without clean-up.

    Does nothing where the process has a handler of its own, such as a web server.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda *_args: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
