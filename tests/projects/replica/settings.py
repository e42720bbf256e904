"""The standalone site with a replica that has received no row yet: what is read from there cannot
have been written.
"""

from __future__ import annotations

import copy
from typing import Any

from tests.projects.standalone.settings import *  # noqa: F403
from tests.projects.standalone.settings import DATABASES, TEST_NAME

PRIMARY = DATABASES["default"]
PRIMARY["TEST"]["DEPENDENCIES"] = []
REPLICA: dict[str, Any] = copy.deepcopy(PRIMARY)
NAME = REPLICA["TEST"]["NAME"]
REPLICA["TEST"]["NAME"] = f"{NAME}_replica" if NAME == TEST_NAME else NAME.with_suffix(".replica")
# As in Django's documentation: every router names its database, so that "default" may be empty.
DATABASES = {"default": {}, "primary": PRIMARY, "replica": REPLICA}
DATABASE_ROUTERS = ["tests.projects.replica.routers.LaggingReplica"]
