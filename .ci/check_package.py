"""Check the installed wheel: it is complete, and a new project runs with it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import files
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
SETTINGS = """
INSTALLED_APPS += {apps}
STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "staticfiles": {{"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}},
    "ringotel_recordings": {{
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {{"location": BASE_DIR / "recordings"}},
    }},
}}
"""
URLS = """
from django.urls import include

urlpatterns += {urls}
"""
COMMANDS = (
    "check --fail-level WARNING",
    "migrate --verbosity 0",
    "makemigrations --check --dry-run",
)


def check_contents() -> None:
    """Exit with an error unless the wheel contains the package's files and no others."""
    installed = {
        str(path) for path in files("ringotel-crm") or () if "__pycache__" not in path.parts
    }
    installed = {path for path in installed if not path.startswith("ringotel_crm-")}
    expected = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "ringotel_crm").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if installed != expected:
        sys.exit(
            f"missing in the wheel: {expected - installed}\nunexpected: {installed - expected}"
        )


def try_site(apps: list[str], urls: str) -> None:
    """Create a project with these apps and URLs, and run its checks and migrations."""
    print(f"A new site with {', '.join(apps)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:

        def run(*arguments: str) -> None:
            subprocess.run([sys.executable, "-W", "error", *arguments], cwd=folder, check=True)

        run("-m", "django", "startproject", "new_site", ".")
        with (Path(folder) / "new_site/settings.py").open("a") as file:
            file.write(SETTINGS.format(apps=apps))
        with (Path(folder) / "new_site/urls.py").open("a") as file:
            file.write(URLS.format(urls=urls))
        for command in COMMANDS:
            run("manage.py", *command.split())


check_contents()
RINGOTEL = 'path("ringotel/", include("ringotel_crm.urls"))'
try_site(
    ["rest_framework", "oauth2_provider", "ringotel_crm", "ringotel_crm.minicrm"], f"[{RINGOTEL}]"
)
try_site(["rest_framework", "ringotel_crm", "ringotel_crm.minicrm"], f"[{RINGOTEL}]")
