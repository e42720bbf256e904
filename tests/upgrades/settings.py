"""The demo site on the database ``DATABASE_NAME`` of the kind ``DATABASE``."""

from __future__ import annotations

import os

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DATABASES
from tests.projects.standalone.settings import DATABASE_CHOICES

if os.environ["DATABASE"] == "sqlite":
    DATABASES["default"]["NAME"] = os.environ["DATABASE_NAME"]
else:
    DATABASES = {"default": DATABASE_CHOICES[os.environ["DATABASE"]]}
