"""Benchmarks of the hooks, compared with bare Django views. See docs/benchmarks.rst."""

from __future__ import annotations
