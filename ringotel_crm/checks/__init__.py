"""System checks. Each message has an id, and a hint that contains what to write."""

from __future__ import annotations

from . import databases, deployment, site, users
from .site import TAG

__all__ = ["TAG", "databases", "deployment", "site", "users"]
