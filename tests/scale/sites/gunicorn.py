"""Configuration of gunicorn on each of several machines."""

from __future__ import annotations

workers = 2
threads = 4
# Accept connections after the site is loaded, so that a proxy can try another machine before.
preload_app = True
