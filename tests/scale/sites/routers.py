"""The router of docs/scale.rst."""

from __future__ import annotations

import random
from typing import Any


class PrimaryReplicaRouter:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return random.choice(["replica1", "replica2"])

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "primary"

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return True  # all databases have the same rows


# docs/scale.rst shows what precedes.


class DefaultReplicaRouter(PrimaryReplicaRouter):
    """The same for sites whose primary is the default."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"
