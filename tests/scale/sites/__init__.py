"""Settings of the sites, and what only these import."""

from __future__ import annotations
