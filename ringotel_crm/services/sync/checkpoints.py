"""How far a command has come, and that only one of its kind is at work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ...exceptions import InvalidInput
from ...models import Checkpoint
from .. import locks

LEASE = dt.timedelta(minutes=10)
"""After this time without a word, a command that has begun is taken for dead."""


def read(tenant: str, name: str) -> Any:
    """What was last written under this name; None at first."""
    return (
        Checkpoint.objects.filter(tenant=tenant, name=name).values_list("value", flat=True).first()
    )


def write(tenant: str, name: str, value: Any) -> None:
    """Keep this, as JSON can say it, for the next run."""
    locks.upsert(
        Checkpoint(tenant=tenant, name=name, value=value),
        key=["tenant", "name"],
        update_field="value",
    )


@contextmanager
def exclusive(tenant: str, name: str) -> Iterator[Callable[[], None]]:
    """Be the only one of this name; call what it gives now and then to stay it. Raises ``Invalid`` if another is."""
    key = f"{name} is running"

    def renew() -> None:
        write(tenant, key, (timezone.now() + LEASE).isoformat())

    with transaction.atomic():
        locks.acquire(f"{key} {tenant}")
        until = read(tenant, key)
        if until and dt.datetime.fromisoformat(until) > timezone.now():
            raise InvalidInput(
                _("This command is running already (until it is done, or at most until %(time)s).")
                % {"time": until}
            )
        renew()
    try:
        yield renew
    finally:
        write(tenant, key, "")
