"""Who is calling: static keys, HTTP Basic and OAuth2, all three at once.

Every caller acts as a Django user who is active and has the permission ``ringotel_crm.use_api``. Every failure is a
403, because Ringotel knows 200 and 403 only: no authenticator gives a header of its own, so that Django REST
framework does not answer 401. The challenge goes on every 403 instead.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ..models import ApiKey
from ..records import Actor
from .api_keys import KeyAuthentication
from .basic import BasicAuthentication
from .permissions import may_use_api
from .throttling import CallerThrottle

__all__ = ["CallerThrottle", "MayUseApi", "authenticators", "challenge", "get_actor"]


def authenticators() -> list[type[BaseAuthentication]]:
    """The ways to authenticate that this site has. A key is told by its prefix, any other bearer is OAuth2's."""
    found: list[type[BaseAuthentication]] = [KeyAuthentication, BasicAuthentication]
    if apps.is_installed("oauth2_provider"):
        from .oauth import OAuth2Authentication

        found.append(OAuth2Authentication)
    return found


def challenge() -> str:
    """The ``WWW-Authenticate`` header of a 403."""
    return 'Bearer realm="Ringotel", Basic realm="Ringotel", charset="UTF-8"'


def get_actor(request: Request) -> Actor:
    """For whom the CRM answers this request. Only a key belongs to a tenant."""
    return Actor(
        user=request.user, tenant=request.auth.tenant if isinstance(request.auth, ApiKey) else ""
    )


class MayUseApi(BasePermission):
    """Only active users with the permission: being staff is not enough."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """No query for a user whom one of our authenticators gave."""
        user: Any = request.user  # None where the site's UNAUTHENTICATED_USER says so
        return user is not None and may_use_api(user)
