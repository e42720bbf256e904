"""Receiver of Ringotel's webhooks: authenticates, stores and processes events."""

from __future__ import annotations
