"""A site whose own models contain the contacts. The mini-CRM is not installed."""

from __future__ import annotations

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DATA_DIR, DATABASES, INSTALLED_APPS

WITHOUT = {"oauth2_provider", "ringotel_crm.minicrm", "demo_project"}
INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app not in WITHOUT), "demo_project.hostcrm"]
DATABASES = {"default": {**DATABASES["default"], "NAME": DATA_DIR / "hostcrm.sqlite3"}}
ROOT_URLCONF = "demo_project.hostcrm.urls"

RINGOTEL_CRM = {
    "BACKEND": "demo_project.hostcrm.phones.HostBackend",
    "DEFAULT_REGION": "IE",
    "COMPANY_NUMBERS": ["+353 20 915 0000"],
}
