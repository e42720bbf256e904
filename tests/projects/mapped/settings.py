"""The standalone site, with the mini-CRM mapped as a host's tables."""

from __future__ import annotations

from tests.projects.standalone.settings import *  # noqa: F403

RINGOTEL_CRM = {"DEFAULT_REGION": "IE", "BACKEND": "tests.projects.mapped.backend.MappedBackend"}
