"""Tests of ``docs/recipes/``.

Run them with ``RECIPE=netbox pytest --ds tests.projects.recipes.settings tests/recipes``.
"""

from __future__ import annotations

from django.conf import settings

collect_ignore_glob = ["test_*.py"]
if hasattr(settings, "RECIPE"):
    collect_ignore_glob = [
        f"test_{name}.py"
        for name in ("netbox", "djangocrm", "bottlecrm", "horilla")
        if name != settings.RECIPE
    ]
