"""Authentication of API requests: static keys, HTTP Basic and OAuth2.

Each request acts as an active Django user with the permission ``ringotel_crm.use_api``. Every
failure is a 403, because Ringotel supports the statuses 200 and 403 only: no authenticator returns
a header, so that Django REST framework does not respond with 401, and every 403 carries
:func:`challenge` instead.
"""

from __future__ import annotations

from .authenticators import authenticators, challenge
from .permissions import MayUseApi, get_actor
from .throttling import CallerThrottle

__all__ = ["CallerThrottle", "MayUseApi", "authenticators", "challenge", "get_actor"]
