from __future__ import annotations

import django
from django.conf import settings

from ringotel_crm import __version__

# autodoc imports the package, and its models need a configured Django.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "ringotel_crm",
        "ringotel_crm.minicrm",
    ],
)
django.setup()

project = "ringotel-crm"
copyright = "The ringotel-crm contributors"
version = release = __version__

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
