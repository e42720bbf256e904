"""Private helpers. Nothing in this package is part of the public API."""

from __future__ import annotations
