from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from . import databases

KIND = os.environ.get("DATABASE", "sqlite")
VERSIONS = [path.name.removesuffix(f".{KIND}.gz") for path in databases.DUMPS.glob(f"*.{KIND}.gz")]


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_database_of_a_released_version_is_migrated_without_loss(
    version: str, tmp_path: Path
) -> None:
    if not databases.has_tools(KIND):
        pytest.skip(f"requires {' and '.join(databases.TOOLS[KIND])}")
    with databases.new_database(KIND, tmp_path) as name:
        databases.load(KIND, name, databases.dump_path(KIND, version))
        databases.run_python(KIND, name, "manage.py", "migrate", "--verbosity", "0")
        report = json.loads(databases.run_python(KIND, name, "-m", "tests.upgrades.look_up"))

    assert report["found"] == report["looked_up"] > 10
    assert report["rows"]["ringotel_crm.Activity"] > 10
