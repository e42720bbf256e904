"""A site with copies of the models of another CRM, and the backend in ``docs/recipes/``.

The environment variable ``RECIPE`` is the name of a folder here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import INSTALLED_APPS

RECIPE = os.environ["RECIPE"]
# The copies have the names of the original apps.
sys.path.insert(0, str(Path(__file__).parent / RECIPE))
HOST_APPS = {
    "netbox": ["tenancy"],
    "djangocrm": ["common", "crm"],
    "bottlecrm": ["common", "accounts", "contacts", "leads"],
    "horilla": ["horilla_core", "horilla_crm.accounts", "horilla_crm.contacts"],
}
WITHOUT = ("oauth2_provider", "import_export", "ringotel_crm.minicrm")
INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app not in WITHOUT), *HOST_APPS[RECIPE]]
RINGOTEL_CRM = {"BACKEND": f"docs.recipes.{RECIPE}.Backend", "DEFAULT_REGION": "IE"}
AUTH_USER_MODEL = {
    "bottlecrm": "common.User",
    "horilla": "horilla_core.HorillaUser",
}.get(RECIPE, "auth.User")
