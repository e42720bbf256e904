"""The site of ``demo_project.hostcrm`` without the mini-CRM, and unusual tables for tests."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import DATABASES, INSTALLED_APPS, TEST_NAME

INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if app not in ("oauth2_provider", "ringotel_crm.minicrm")),
    "demo_project.hostcrm",
    "tests.hostcrm.shapes",
]
_name = DATABASES["default"]["TEST"]["NAME"]
_other = _name.with_name(f"other_{_name.name}") if isinstance(_name, Path) else f"{TEST_NAME}_other"
DATABASES["other"] = {
    **DATABASES["default"],
    "TEST": {**DATABASES["default"]["TEST"], "NAME": _other},
}
DATABASE_ROUTERS = ["tests.hostcrm.shapes.models.Router"]
ROOT_URLCONF = "demo_project.hostcrm.urls"
# Outside MEDIA_ROOT.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "ringotel_recordings": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": Path(tempfile.gettempdir()) / f"{TEST_NAME}_recordings"},
    },
}
RINGOTEL_CRM = {"BACKEND": "demo_project.hostcrm.phones.HostBackend", "DEFAULT_REGION": "IE"}
