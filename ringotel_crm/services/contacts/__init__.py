"""Contacts: identification, writing, merging, and the phone index."""

from __future__ import annotations
