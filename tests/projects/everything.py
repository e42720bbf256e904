"""Settings for mypy, with the apps of both sites."""

from __future__ import annotations

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "demo_project.hostcrm", "tests.hostcrm.shapes"]
