"""Connecting a Ringotel account. Used by the commands and by the admin."""

from __future__ import annotations
