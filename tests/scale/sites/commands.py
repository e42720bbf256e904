"""Settings for all commands: calls expire, and mapped models have an index of phone numbers."""

from __future__ import annotations

import os
from typing import Any

from tests.benchmarks.settings import *  # noqa: F403
from tests.benchmarks.settings import RINGOTEL_CRM

RINGOTEL_CRM = dict[str, Any](RINGOTEL_CRM, CALL_RETENTION_DAYS=300)
if "MAPPED" in os.environ:
    RINGOTEL_CRM["BACKEND"] = "tests.projects.mapped.backend.MappedBackend"
