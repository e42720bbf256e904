"""Settings of the set-up "machines": a cache and a storage that all machines share."""

from __future__ import annotations

import os

from tests.benchmarks.settings import *  # noqa: F403

# docs/deployment.rst shows what follows.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
        "OPTIONS": {"socket_timeout": 0.2, "socket_connect_timeout": 0.2},
    },
}
