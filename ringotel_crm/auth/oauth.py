"""OAuth2 by django-oauth-toolkit: authorization code and refresh tokens, scope ``ringotel``.

The only module that imports ``oauth2_provider``; imported only if that app is installed.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DataError, router
from django.db.models import F, QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseForbidden,
    JsonResponse,
    QueryDict,
)
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import method_decorator
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

from .. import databases
from ..exceptions import InvalidInput
from ..internal.compiled_queries import CompiledQuery
from ..models.fields import ExactText
from .permissions import (
    annotate_user,
    authentication_failed,
    load_user,
    may_use_api,
    query_cache_key,
    read_credential,
)
from .service_users import require_api_permission
from .throttling import LoginAttempt, seconds_left

SCOPE = "ringotel"

# Client ids of Ringotel's applications, which distinguishes them from the site's other
# applications.
CLIENT_ID_PREFIX = "ringotel-"

# Fields of the access token that restrict it to resources. Exists since version 3.4 of the toolkit.
_RESOURCE_FIELDS = [
    field.name for field in AccessToken._meta.concrete_fields if field.name == "resource"
]


class OAuth2Authentication(BaseAuthentication):
    """Authenticate the user who approved the access, with the access token as ``request.auth``.
    Runs one query.
    """

    @databases.fresh_reads()
    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return user and token; ``None`` if there is no bearer token.

        Raises ``AuthenticationFailed`` for an invalid or expired token, one without the scope, and
        a user who may not use the API, and ``Throttled`` after too many failures.
        """
        token = read_credential(request, "bearer")
        if token is None:
            return None
        user, access_token = _lookup_token(token) or _verify(request)
        if user is None or not may_use_api(user):
            LoginAttempt(request).check_and_count()
            raise authentication_failed()
        return user, access_token


def _tokens(checksum: str, now: dt.datetime) -> QuerySet[Any, Any]:
    tokens = AccessToken.objects.filter(
        token_checksum=checksum, expires__gt=now, user__isnull=False
    )
    return annotate_user(tokens, "user", "pk", "scope", *_RESOURCE_FIELDS)


_TOKENS = CompiledQuery(_tokens)


def _lookup_token(token: str) -> tuple[Any, Any] | None:
    """Return user and token if the toolkit would certainly accept the token; ``None`` leaves it to
    the toolkit.
    """
    if oauth2_settings.OAUTH2_VALIDATOR_CLASS is not OAuth2Validator:
        return None
    if (get_access_token_model(), get_application_model()) != (AccessToken, Application):
        return None
    using = router.db_for_read(AccessToken)
    checksum = hashlib.sha256(token.encode()).hexdigest()
    for row in _TOKENS.rows(using, checksum, timezone.now(), variant=query_cache_key()):
        is_restricted = any(str(getattr(row, field)) != "[]" for field in _RESOURCE_FIELDS)
        if SCOPE in row.scope.split() and not is_restricted:
            user = load_user(using, row, "user")
            return user, AccessToken.from_db(using, ["id", "user_id"], [row.pk, user.pk])
    return None


def _verify(request: Request) -> tuple[Any, Any]:
    """Return user and token as the toolkit verifies them, or ``(None, None)``."""
    # Not the toolkit's own verify_request(): it parses the body, which may be a recording, and
    # fails for a query string that contains a space.
    core = get_oauthlib_core()
    uri = request.build_absolute_uri(request.path)
    valid, verified = core.server.verify_request(
        uri, request.method, None, core.extract_headers(request), [SCOPE]
    )
    return (verified.user, verified.access_token) if valid else (None, None)


def _has_nul(*forms: QueryDict) -> bool:
    return any("\0" in "".join(values) for form in forms for _name, values in form.lists())


class AuthorizationView(ToolkitAuthorizationView):  # type: ignore[misc]
    """The toolkit's page on which users approve the access, with a 400 for invalid parameters
    instead of a 500.
    """

    @databases.fresh_reads()
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Respond with 400 to text that cannot be stored and to an unknown client, and with 403 to
        a user whose tokens would be refused.
        """
        client_id = request.POST.get("client_id") or request.GET.get("client_id", "")
        if client_id.startswith(CLIENT_ID_PREFIX) and request.user.is_authenticated:
            try:
                require_api_permission(request.user)
            except InvalidInput as exc:
                return HttpResponseForbidden(exc.message, content_type="text/plain; charset=utf-8")
        if not _has_nul(request.GET, request.POST):
            with suppress(ObjectDoesNotExist, DataError, ValidationError):
                response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
                return response
        return HttpResponseBadRequest(gettext("This application does not exist."))


@method_decorator(login_not_required, name="dispatch")
class TokenView(ToolkitTokenView):  # type: ignore[misc]
    """The toolkit's token endpoint. Clients that guess a secret are throttled before it is hashed.

    Failures are counted by IP address and client together: other customers share Ringotel's
    address.
    """

    @databases.fresh_reads()
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Respond as the toolkit does, but with 429 and ``Retry-After`` after too many failures,
        and with 400 to requests for which the toolkit raises an error.
        """
        if request.encoding:  # the charset of the content type may be invalid
            request.encoding = "utf-8"
        client_id = _client_id(request)
        if invalid := _invalid_request(request, client_id):
            return JsonResponse(invalid, status=400)
        attempt = LoginAttempt(request, client_id, by_ip=False)
        if attempt.is_blocked():
            body = _error("temporarily_unavailable", "Too many failures.")
            return JsonResponse(body, status=429, headers={"Retry-After": str(seconds_left())})
        response: HttpResponse = super().post(request, *args, **kwargs)
        # Not counted up front: all agents of a company refresh their tokens as one client, often at
        # the same time.
        if response.status_code == 401:
            with suppress(Throttled):
                attempt.check_and_count()
        return response


def _invalid_request(request: HttpRequest, client_id: str) -> dict[str, str] | None:
    """Return the error for a request that would make the toolkit raise, or that asks for an
    unsupported grant.
    """
    has_nul = "\0" in client_id or _has_nul(request.POST)
    if has_nul or not request.headers.get("Authorization", "").isascii():
        return _error("invalid_request", "Invalid characters.")
    if request.POST.get("grant_type", "") not in ("", "authorization_code", "refresh_token"):
        return _error("unsupported_grant_type", "Use authorization_code or refresh_token.")
    return None


def _error(code: str, description: str) -> dict[str, str]:
    """Return an error of RFC 6749, section 5.2. It allows ASCII only, so the description is not
    translated.
    """
    return {"error": code, "error_description": description}


def _client_id(request: HttpRequest) -> str:
    """Return the client id of the ``Authorization`` header, or else of the body."""
    scheme, _space, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            return base64.b64decode(encoded).decode().partition(":")[0]
    return request.POST.get("client_id", "")


def apply_default_settings() -> None:
    """Set the ``OAUTH2_PROVIDER`` defaults that Ringotel needs, where the site has not set them
    itself.
    """
    defaults = oauth2_settings.defaults
    defaults["SCOPES"] = {
        **defaults["SCOPES"],
        SCOPE: _("Work with contacts and calls as Ringotel"),
    }
    defaults["PKCE_REQUIRED"] = pkce_required
    # Without a grace period, two concurrent refreshes lock the client out. With it a token is
    # returned twice, which is impossible if tokens are stored hashed.
    if not getattr(oauth2_settings, "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE", False):
        defaults["REFRESH_TOKEN_GRACE_PERIOD_SECONDS"] = 30
    oauth2_settings.reload()


def pkce_required(client_id: str) -> bool:
    """Return whether this client must use PKCE: all but the confidential clients of
    :func:`make_application`.

    Ringotel does not document that it supports PKCE, so it is optional for Ringotel.
    """
    application_model = get_application_model()
    confidential = application_model.objects.filter(
        client_id=client_id, client_type=application_model.CLIENT_CONFIDENTIAL
    )
    return not (client_id.startswith(CLIENT_ID_PREFIX) and confidential.exists())


def make_application(*, name: str, redirect_uri: str, user: Any = None) -> tuple[str, str]:
    """Create Ringotel's application ``name``, or replace its secret; return ``(client id, client
    secret)``.

    The secret is stored hashed and cannot be read again. After a new secret, access tokens remain
    valid until they expire, and refreshing them needs the new secret. ``user``: owner of a new
    application in the toolkit's pages.

    Raises ``InvalidInput`` for an invalid redirect URI.
    """
    application_model = get_application_model()
    application = application_model.objects.filter(
        ExactText(F("name"), name), client_id__startswith=CLIENT_ID_PREFIX
    ).first()
    if application is None:
        client_id = f"{CLIENT_ID_PREFIX}{secrets.token_hex(16)}"
        application = application_model(name=name, client_id=client_id, user=user)
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
    """Yield ``(code, redirect URI)``, as Ringotel receives them when ``user`` approves the access.

    The code and all tokens issued for it are deleted at the end of the block. Raises
    ``InvalidInput`` unless the client is one of :func:`make_application`.
    """
    if "\0" in client_id:
        raise InvalidInput(gettext("This application does not exist."))
    applications = get_application_model().objects.filter(client_id__startswith=CLIENT_ID_PREFIX)
    application = applications.filter(client_id=client_id).first()
    if application is None:
        raise InvalidInput(gettext("This application does not exist."))
    redirect_uri = application.redirect_uris.split()[0]
    now = timezone.now()
    grant = get_grant_model().objects.create(
        application=application,
        user=user,
        code=secrets.token_urlsafe(32),
        redirect_uri=redirect_uri,
        scope=SCOPE,
        expires=now + dt.timedelta(minutes=1),
    )
    try:
        yield grant.code, redirect_uri
    finally:
        for model in (get_refresh_token_model(), get_access_token_model(), get_grant_model()):
            model.objects.filter(application=application, user=user, created__gte=now).delete()
