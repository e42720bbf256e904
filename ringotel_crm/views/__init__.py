"""Pages for logged-in staff outside the admin."""

from __future__ import annotations
