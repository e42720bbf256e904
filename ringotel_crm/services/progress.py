"""How far a command has come, and that only one of its kind is at work."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import Invalid
from ..models import Progress
from . import locks

LEASE = dt.timedelta(minutes=10)
"""After this time without a word, a command that has begun is taken for dead."""


def read(scope: str, name: str) -> Any:
    """What was last written under this name; None at first."""
    return Progress.objects.filter(scope=scope, name=name).values_list("value", flat=True).first()


def write(scope: str, name: str, value: Any) -> None:
    """Keep this, as JSON can say it, for the next run."""
    locks.upsert(Progress(scope=scope, name=name, value=value), key=["scope", "name"], touch="value")


@contextmanager
def alone(scope: str, name: str) -> Iterator[Callable[[], None]]:
    """Be the only one of this name; call what it gives now and then to stay it. Raises ``Invalid`` if another is."""
    key = f"{name} is running"

    def renew() -> None:
        write(scope, key, (timezone.now() + LEASE).isoformat())

    with transaction.atomic():
        locks.take(f"{key} {scope}")
        until = read(scope, key)
        if until and dt.datetime.fromisoformat(until) > timezone.now():
            raise Invalid(
                _("This command is running already (until it is done, or at most until %(time)s).") % {"time": until}
            )
        renew()
    try:
        yield renew
    finally:
        write(scope, key, "")
