"""The demo site on the database ``DATABASE_NAME`` of the kind ``DATABASE``."""

from __future__ import annotations

from demo_project.settings import *  # noqa: F403
from tests.projects.standalone.settings import DATABASES as DATABASES
