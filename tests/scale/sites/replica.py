"""Settings of the set-up "replica": reads go to replicas of the database."""

from __future__ import annotations

import os

from tests.benchmarks.settings import *  # noqa: F403
from tests.benchmarks.settings import DATABASES

POSTGRESQL = DATABASES["default"]
PRIMARY, REPLICA1, REPLICA2 = os.environ["PRIMARY_AND_REPLICAS"].split()

# docs/scale.rst shows what follows.
DATABASES = {
    "default": {},
    "primary": {**POSTGRESQL, "PORT": PRIMARY},
    "replica1": {**POSTGRESQL, "PORT": REPLICA1},
    "replica2": {**POSTGRESQL, "PORT": REPLICA2},
}
DATABASE_ROUTERS = ["tests.scale.sites.routers.PrimaryReplicaRouter"]
# docs/scale.rst shows what precedes.
if "PRIMARY_IS_DEFAULT" in os.environ:
    DATABASES["default"] = DATABASES.pop("primary")
    DATABASE_ROUTERS = ["tests.scale.sites.routers.DefaultReplicaRouter"]
