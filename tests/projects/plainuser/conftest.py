"""Run these tests with ``DJANGO_SETTINGS_MODULE=tests.projects.plainuser.settings``."""

from __future__ import annotations

from django.apps import apps

if not apps.is_installed("tests.projects.plainuser"):
    collect_ignore_glob = ["test_*.py"]
