"""How far a command has come, and that only one of its kind runs at a time."""

from __future__ import annotations

import datetime as dt
import logging
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
        yield renew
        outcome = "done"
    finally:
        write(tenant, key, "")
        seconds = time.monotonic() - started
        values = {"job": name, "tenant": tenant, "outcome": outcome, "seconds": seconds}
        logger.log(logging.INFO if outcome == "done" else logging.ERROR, LINE, values, extra=values)
