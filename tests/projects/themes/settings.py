"""The standalone site with an admin theme.

The environment variable ``THEME`` is ``unfold``, ``jazzmin`` or ``grappelli``.
"""

from __future__ import annotations

import os

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import INSTALLED_APPS

THEME = os.environ["THEME"]
INSTALLED_APPS = [THEME, *INSTALLED_APPS]
if THEME == "unfold":
    INSTALLED_APPS.append("tests.projects.themes.unfold_desk")
ROOT_URLCONF = "tests.projects.themes.urls"
