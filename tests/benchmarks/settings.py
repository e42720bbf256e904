"""The standalone site with the database settings of docs/deployment.rst and baseline views."""

from __future__ import annotations

import os
from pathlib import Path

from tests.projects.standalone.settings import *  # noqa: F403

DATABASE = DATABASES["default"]  # noqa: F405
DATABASE["TEST"] = {**DATABASE["TEST"], "NAME": DATABASE["NAME"]}
DATABASE["CONN_MAX_AGE"] = 600
DATABASE["CONN_HEALTH_CHECKS"] = True
if DATABASE["ENGINE"].endswith("sqlite3"):
    DATABASE["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif os.environ.get("SERVER") == "asgi":
    DATABASE["CONN_MAX_AGE"] = 0
    DATABASE["OPTIONS"] = {"pool": {"min_size": 4, "max_size": 8}}
elif "PREPARED" in os.environ:
    DATABASE["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": 5}

ROOT_URLCONF = "tests.benchmarks.urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
MEDIA_ROOT = Path(os.environ.get("BENCH_FOLDER", "."), "media")
