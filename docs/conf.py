from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.conf import settings
from sphinx.application import Sphinx

from ringotel_crm import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# The width of the help of commands.
os.environ["COLUMNS"] = "88"

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

extensions = ["sphinx.ext.autodoc", "sphinx_copybutton", "reference"]
# The inventories of other projects are fetched from the internet.
if "READTHEDOCS" in os.environ:
    extensions.append("sphinx.ext.intersphinx")
intersphinx_mapping = {
    "django": ("https://docs.djangoproject.com/en/stable/", None),
    "python": ("https://docs.python.org/3/", None),
}
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(collections|datetime|dict\[str|django|list\[tuple\[str)\b.*"),
    # Types in signatures of the public API that are not documented themselves.
    ("py:.*", r"ringotel_crm\.(backends|client|models|phone|records|services)\..*"),
    ("py:.*", "Backend|Row|RingotelError|deque"),
]
copybutton_prompt_text = "$ "
exclude_patterns = ["_build"]
html_theme = "furo"


def setup(app: Sphinx) -> None:
    """Add the ``setting`` directive and role, as in Django's own documentation."""
    app.add_crossref_type(
        directivename="setting", rolename="setting", indextemplate="pair: %s; setting"
    )
