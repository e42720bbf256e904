"""How fast the hooks are, beside bare Django views of the same project: ``tox -e bench``; see docs/benchmarks.rst."""

from __future__ import annotations
