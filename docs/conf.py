from __future__ import annotations

import django
from django.conf import settings
from sphinx.application import Sphinx

from ringotel_crm import __version__

# autodoc imports the package, and its models require configured settings.
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


def setup(app: Sphinx) -> None:
    """Add the ``setting`` directive and role, as in Django's own documentation."""
    app.add_crossref_type(
        directivename="setting", rolename="setting", indextemplate="pair: %s; setting"
    )
