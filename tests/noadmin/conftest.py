"""Tests of a site without ``django.contrib.admin``.

Run them with ``DJANGO_SETTINGS_MODULE=tests.projects.noadmin.settings``.
"""

from __future__ import annotations

from django.apps import apps

if apps.is_installed("django.contrib.admin"):
    collect_ignore_glob = ["test_*.py"]
