"""A site with its own models and pages, without ``django.contrib.admin`` and messages."""

from __future__ import annotations

from tests.projects.hostcrm.settings import *  # noqa: F403
from tests.projects.hostcrm.settings import INSTALLED_APPS, MIDDLEWARE

_WITHOUT = ("django.contrib.admin", "django.contrib.messages", "import_export")
INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app not in _WITHOUT), "oauth2_provider"]
MIDDLEWARE = [path for path in MIDDLEWARE if not path.startswith("django.contrib.messages")]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
ROOT_URLCONF = "tests.projects.noadmin.urls"
LOGIN_URL = "login"
