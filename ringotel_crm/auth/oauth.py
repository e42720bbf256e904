"""OAuth2 by django-oauth-toolkit: authorization code and refresh tokens, scope ``ringotel``.

The only importer of ``oauth2_provider``; imported only where that app is installed.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, router
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import (
    AccessToken,
    Application,
    get_access_token_model,
    get_application_model,
    get_grant_model,
    get_refresh_token_model,
)
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import AuthorizationView as ToolkitAuthorizationView
from oauth2_provider.views import TokenView as ToolkitTokenView
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from ..exceptions import InvalidInput
from ..internal.compiled_queries import CompiledQuery
from .permissions import (
    annotate_user,
    authentication_failed,
    load_user,
    may_use_api,
    query_cache_key,
    read_credential,
)
from .throttling import LoginAttempt, seconds_left

SCOPE = "ringotel"
# Tells our applications from the site's others; unlike a name, nobody else's has it by chance.
CLIENT_ID_PREFIX = "ringotel-"


class OAuth2Authentication(BaseAuthentication):
    """Gives the user who approved, and the toolkit's access token as ``request.auth``. One query."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """None where there is no bearer token; raises ``AuthenticationFailed``."""
        token = read_credential(request, "bearer")
        if token is None:
            return None
        user, access_token = _lookup_token(token) or _verify(request)
        if user is None or not may_use_api(user):
            LoginAttempt(request).check_and_count()
            raise authentication_failed()
        return user, access_token


def _tokens(checksum: str, now: dt.datetime) -> QuerySet[Any, Any]:
    """The access token with this checksum, if it has not expired, with its user."""
    tokens = AccessToken.objects.filter(
        token_checksum=checksum, expires__gt=now, user__isnull=False
    )
    return annotate_user(tokens, "user", "pk", "scope", *_RESOURCE_FIELDS)


# Came with version 3.4 of the toolkit.
_RESOURCE_FIELDS = [
    field.name for field in AccessToken._meta.concrete_fields if field.name == "resource"
]
_TOKENS = CompiledQuery(_tokens)


def _lookup_token(token: str) -> tuple[Any, Any] | None:
    """User and token where the toolkit would certainly say yes; None leaves it to the toolkit to tell."""
    models_in_use = (get_access_token_model(), get_application_model())
    if oauth2_settings.OAUTH2_VALIDATOR_CLASS is not OAuth2Validator or models_in_use != (
        AccessToken,
        Application,
    ):
        return None
    using = router.db_for_read(AccessToken)
    checksum = hashlib.sha256(token.encode()).hexdigest()
    for pk, scope, *columns in _TOKENS.rows(
        using, checksum, timezone.now(), variant=query_cache_key()
    ):
        resources, columns = columns[: len(_RESOURCE_FIELDS)], columns[len(_RESOURCE_FIELDS) :]
        if SCOPE in scope.split() and all(str(resource) == "[]" for resource in resources):
            user = load_user(using, columns)
            return user, AccessToken.from_db(using, ["id", "user_id"], [pk, user.pk])
    return None


def _verify(request: Request) -> tuple[Any, Any]:
    """What the toolkit says."""
    # Not its own verify_request(): it would parse the body, which may be a recording, and it chokes on
    # a query with a raw space in it.
    core = get_oauthlib_core()
    uri = request.build_absolute_uri(request.path)
    valid, verified = core.server.verify_request(
        uri, request.method, None, core.extract_headers(request), [SCOPE]
    )
    return (verified.user, verified.access_token) if valid else (None, None)


def _has_nul(*forms: QueryDict) -> bool:
    return any(
        "\0" in value for form in forms for _name, values in form.lists() for value in values
    )


class AuthorizationView(ToolkitAuthorizationView):  # type: ignore[misc]
    """The toolkit's page on which people approve, which refuses nonsense instead of failing."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """400 for what no database can hold, and for a form that names a client there is none of."""
        if not _has_nul(request.GET, request.POST):
            with suppress(ObjectDoesNotExist, DataError, ValidationError):
                response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
                return response
        return HttpResponseBadRequest(gettext("There is no such application."))


class TokenView(ToolkitTokenView):  # type: ignore[misc]
    """The toolkit's token endpoint, where who guesses a client's secret is slowed down before it is hashed.

    Counted by address and client together: at Ringotel's address others are at home, too.
    """

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """429 with ``Retry-After`` after too many failures, 400 for what the toolkit trips over; else as it answers."""
        if request.encoding:  # what a body claims for itself may be no charset of text
            request.encoding = "utf-8"
        client_id = _client_id(request)
        if (
            _has_nul(request.POST)
            or "\0" in client_id
            or not request.headers.get("Authorization", "").isascii()
        ):
            return JsonResponse(
                {"error": "invalid_request", "error_description": "It is no text."}, status=400
            )
        if request.POST.get("grant_type", "") not in ("", "authorization_code", "refresh_token"):
            return JsonResponse({"error": "unsupported_grant_type"}, status=400)
        attempt = LoginAttempt(request, client_id, by_address=False)
        if attempt.is_blocked():
            answer = {"error": "temporarily_unavailable", "error_description": "Too many failures."}
            return JsonResponse(answer, status=429, headers={"Retry-After": str(seconds_left())})
        response: HttpResponse = super().post(request, *args, **kwargs)
        # Not before, as for passwords: all agents of a company renew their tokens as one client, often at once.
        if response.status_code == 401:
            with suppress(Throttled):
                attempt.check_and_count()
        return response


def _client_id(request: HttpRequest) -> str:
    """Who says to ask, in the header or in the body."""
    scheme, _space, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            return base64.b64decode(encoded).decode().partition(":")[0]
    return request.POST.get("client_id", "")


def apply_default_settings() -> None:
    """Fill in what Ringotel needs of ``OAUTH2_PROVIDER``, where the site has not set it itself."""
    defaults = oauth2_settings.defaults
    defaults["SCOPES"] = {
        **defaults["SCOPES"],
        SCOPE: _("Work with contacts and calls as Ringotel"),
    }
    defaults["PKCE_REQUIRED"] = pkce_required
    # Without it, two refreshes at once lock the client out. It gives a token out again, so not where they are hashed.
    if not getattr(oauth2_settings, "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE", False):
        defaults["REFRESH_TOKEN_GRACE_PERIOD_SECONDS"] = 30
    oauth2_settings.reload()


def pkce_required(client_id: str) -> bool:
    """Whether this client must use PKCE: each but the confidential ones made by :func:`make_application`.

    Ringotel does not document that it can, so PKCE is accepted from it and not demanded.
    """
    application_model = get_application_model()
    ours = application_model.objects.filter(
        client_id=client_id, client_type=application_model.CLIENT_CONFIDENTIAL
    )
    return not (client_id.startswith(CLIENT_ID_PREFIX) and ours.exists())


def make_application(*, name: str, redirect_uri: str, user: Any = None) -> tuple[str, str]:
    """Make Ringotel's application called ``name``, or give the one there is a new secret; (client id, client secret).

    The secret is stored hashed and returned once, here. After a change of secret, access tokens that were issued
    go on until they expire; refresh tokens need the new secret. ``user`` owns the application in the toolkit's
    pages. Raises ``Invalid`` for a redirect URI that the toolkit does not take.
    """
    application_model = get_application_model()
    application = application_model.objects.filter(
        name=name, client_id__startswith=CLIENT_ID_PREFIX
    ).first()
    if application is None:
        application = application_model(
            name=name, client_id=f"{CLIENT_ID_PREFIX}{secrets.token_hex(16)}", user=user
        )
    secret = secrets.token_urlsafe(48)
    application.client_secret = secret
    application.redirect_uris = redirect_uri
    application.client_type = application_model.CLIENT_CONFIDENTIAL
    application.authorization_grant_type = application_model.GRANT_AUTHORIZATION_CODE
    try:
        application.full_clean()
    except ValidationError as exc:
        raise InvalidInput(" ".join(exc.messages)) from exc
    application.save()
    return application.client_id, secret


@contextmanager
def temporary_grant(client_id: str, user: Any) -> Iterator[tuple[str, str]]:
    """Until the end of the block, what Ringotel gets when ``user`` approves: a code, and the redirect URI it goes to.

    Only for an application of ours. What was issued for the code meanwhile does not outlive the block.
    Raises ``Invalid``.
    """
    applications = get_application_model().objects.filter(client_id__startswith=CLIENT_ID_PREFIX)
    application = (
        applications.filter(client_id=client_id).first() if "\0" not in client_id else None
    )
    if application is None:
        raise InvalidInput(gettext("There is no such application any more."))
    redirect_uri = application.redirect_uris.split()[0]
    begun = timezone.now()
    grant = get_grant_model().objects.create(
        application=application,
        user=user,
        code=secrets.token_urlsafe(32),
        redirect_uri=redirect_uri,
        scope=SCOPE,
        expires=begun + dt.timedelta(minutes=1),
    )
    try:
        yield grant.code, redirect_uri
    finally:
        for model in (get_refresh_token_model(), get_access_token_model(), get_grant_model()):
            model.objects.filter(application=application, user=user, created__gte=begun).delete()
