"""Settings of the set-up "slow": a storage of recordings that hangs on demand."""

from __future__ import annotations

from django.conf import global_settings

from tests.benchmarks.settings import *  # noqa: F403
from tests.benchmarks.settings import MEDIA_ROOT

STORAGES = {
    **global_settings.STORAGES,
    "ringotel_recordings": {
        "BACKEND": "tests.robustness.hanging.HangingStorage",
        "OPTIONS": {"location": str(MEDIA_ROOT)},
    },
}
