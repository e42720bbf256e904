"""A view that returns its user and tenant."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ringotel_crm.auth import MayUseApi, authenticators, get_actor
from ringotel_crm.hooks.errors import exception_handler


class WhoAmI(APIView):
    permission_classes = [MayUseApi]

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [authenticator() for authenticator in authenticators()]

    def get_exception_handler(self) -> Any:
        return exception_handler

    def get(self, request: Request) -> Response:
        actor = get_actor(request)
        return Response({"user": actor.user.get_username(), "tenant": actor.tenant})

    def post(self, request: Request) -> Response:
        return Response({"bytes": len(request.stream.read()) if request.stream else 0})


urlpatterns = [path("me/", WhoAmI.as_view())]
