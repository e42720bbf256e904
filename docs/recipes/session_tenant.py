"""The tenant that a user has chosen, stored in the session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse

from ringotel_crm.backends.model import ModelBackend


def tenant_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        user.session_tenant = request.session.get("tenant", "")
        return get_response(request)

    return middleware


class Backend(ModelBackend):
    # Set your directories here.

    @cached_property
    def tenant(self) -> str:
        """The tenant of the API key, else that of the session."""
        return self.actor.tenant or getattr(self.actor.user, "session_tenant", "")
