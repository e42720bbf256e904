"""The OpenAPI document of the hooks. Run ``python -m tests.robustness.openapi`` to write it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django
import yaml
from django.urls import include, path

PATH = Path(__file__).parents[2] / "docs" / "openapi.yaml"
FIRST_LINE = (
    "# Written by python -m tests.robustness.openapi; tests/robustness/test_openapi.py compares.\n"
)

ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "examples": ["invalid"]},
                "message": {"type": "string"},
                "fields": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}
ABSENT = {
    "description": "A missing value: null, white space, or an unfilled placeholder.",
    "anyOf": [
        {"type": "null"},
        {"type": "string", "pattern": r"^[\s\x1c-\x1f\x85]*$"},
        {"type": "string", "pattern": r"^\s*\$[A-Za-z_][\w ]*\$\s*$"},
    ],
}
SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key or an OAuth2 access token.",
    },
    "basic": {"type": "http", "scheme": "basic"},
}


def text() -> str:
    """Return the content of the file."""
    # drf-spectacular reads the settings when it is imported.
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.settings import patched_settings

    from ringotel_crm.hooks import urls
    from ringotel_crm.hooks.base import HookViewSet
    from tests.robustness.openapi_hooks import HookSchema

    options = {
        "OAS_VERSION": "3.1.1",
        "COMPONENT_SPLIT_REQUEST": True,
        "COMPONENT_SPLIT_PATCH": False,
    }
    # The hooks are left out of the schemas of sites.
    with patch.object(HookViewSet, "schema", HookSchema()), patched_settings(options):
        # Only the paths with a trailing slash; without it, they are the same hooks.
        patterns = [path("ringotel/", include(urls.hooks))]
        generator = SchemaGenerator(patterns=patterns)  # type: ignore[no-untyped-call]
        document: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    document["info"] = {
        "title": "ringotel-crm",
        "version": "1",
        "description": "Ringotel's hooks.",
    }
    document["components"]["schemas"] |= {"Absent": ABSENT, "Error": ERROR}
    document["components"]["securitySchemes"] = SCHEMES
    document["security"] = [{name: []} for name in SCHEMES]
    return FIRST_LINE + yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.projects.standalone.settings")
    django.setup()
    PATH.write_text(text())
    sys.stdout.write(f"{PATH}\n")
