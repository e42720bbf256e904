"""Production-like settings, configured by environment variables of the tests."""

from __future__ import annotations

import os
from typing import Any

from django.conf import global_settings

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import DATABASES, RINGOTEL_CRM

DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL",
    }
MEDIA_ROOT = os.environ.get("ROBUSTNESS_MEDIA", "")
if "ROBUSTNESS_CACHE" in os.environ:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["ROBUSTNESS_CACHE"],
            "OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2},
        }
    }
if "ROBUSTNESS_STORAGE" in os.environ:
    STORAGES = {
        **global_settings.STORAGES,
        "default": {"BACKEND": os.environ["ROBUSTNESS_STORAGE"]},
    }
WSGI_APPLICATION = "tests.robustness.wsgi.application"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
if "ROBUSTNESS_WITHOUT_RATE_LIMITS" in os.environ:
    RINGOTEL_CRM = dict[str, Any](
        RINGOTEL_CRM,
        AUTH_FAILURES_PER_MINUTE_BY_IP=0,
        AUTH_FAILURES_PER_MINUTE_BY_USERNAME=0,
    )
