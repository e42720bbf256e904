"""The site of the tests as a server would have it, with the database and the folder that the environment names."""

from __future__ import annotations

import os

from django.conf import global_settings

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import DATABASES

DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL",
    }
MEDIA_ROOT = os.environ.get("FIRE_MEDIA", "")
if "FIRE_CACHE" in os.environ:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["FIRE_CACHE"],
            "OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2},
        }
    }
if "FIRE_STORAGE" in os.environ:
    STORAGES = {**global_settings.STORAGES, "default": {"BACKEND": os.environ["FIRE_STORAGE"]}}
WSGI_APPLICATION = "tests.robustness.wsgi.application"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
if "FIRE_WITHOUT_THROTTLE" in os.environ:
    RINGOTEL_CRM |= {"AUTH_FAILURES_PER_MINUTE_BY_IP": 0, "AUTH_FAILURES_PER_MINUTE_BY_USERNAME": 0}  # type: ignore[dict-item]  # noqa: F405
