"""The stand-alone site, whose mini-CRM is mapped as a host's tables are."""

from __future__ import annotations

from tests.projects.standalone.settings import *  # noqa: F403

RINGOTEL_CRM = {"DEFAULT_REGION": "IE", "BACKEND": "tests.projects.mapped.backend.MappedBackend"}
