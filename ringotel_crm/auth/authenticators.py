"""The authenticators of the API."""

from __future__ import annotations

from django.apps import apps
from rest_framework.authentication import BaseAuthentication

from .api_keys import KeyAuthentication
from .basic import BasicAuthentication


def authenticators() -> list[type[BaseAuthentication]]:
    """Return the authenticators of this site, with OAuth2 if ``oauth2_provider`` is installed.

    A static key is recognized by its prefix; any other bearer token is an OAuth2 token.
    """
    classes: list[type[BaseAuthentication]] = [KeyAuthentication, BasicAuthentication]
    if apps.is_installed("oauth2_provider"):
        from .oauth import OAuth2Authentication

        classes.append(OAuth2Authentication)
    return classes


def challenge() -> str:
    """Return the ``WWW-Authenticate`` header of a 403."""
    return 'Bearer realm="Ringotel", Basic realm="Ringotel", charset="UTF-8"'
