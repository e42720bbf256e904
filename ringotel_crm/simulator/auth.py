"""Credentials of the simulator: the three kinds of authentication that a document can require."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from .document import JSON_TYPE, Document, media_type
from .template import fill_text


class AuthError(Exception):
    """The credential is missing or rejected. The message contains no secret."""


class Bearer(AuthBase):
    """``Authorization: Bearer ...``. Without a token, sends no header and ignores ``.netrc``."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class OAuth2(Bearer):
    """An access token, which the document's token endpoint issues and renews."""

    def __init__(
        self, document: Document, properties: Mapping[str, str], *, timeout: float
    ) -> None:
        super().__init__()
        self._endpoint: str = document.oauth2["token_endpoint"]
        self._content_type: str = document.oauth2["content_type"]
        self._client = {
            key: fill_text(document.oauth2[key], properties)
            for key in ("client_id", "client_secret")
        }
        self._timeout = timeout
        self.refresh_token = ""

    def fetch(self, **grant: str) -> None:
        """Request an access token and a refresh token for a grant. Raises ``AuthError``."""
        form = self._client | grant
        try:
            response = requests.post(
                self._endpoint,
                data=json.dumps(form)
                if media_type(self._content_type) == JSON_TYPE
                else urlencode(form),
                headers={"Content-Type": self._content_type},
                auth=Bearer(),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException:
            raise AuthError("The token endpoint does not respond.") from None
        try:
            answer = response.json()
            self.token = answer["access_token"]
        except (ValueError, TypeError, KeyError):
            raise AuthError(
                f"The token endpoint issued no access token (status {response.status_code})."
            ) from None
        self.refresh_token = answer.get("refresh_token", self.refresh_token)

    def renew(self) -> bool:
        """Use the refresh token. Return whether it gave a new access token."""
        if not self.refresh_token:
            return False
        try:
            self.fetch(grant_type="refresh_token", refresh_token=self.refresh_token)
        except AuthError:
            return False
        return True


def credential_for(
    document: Document,
    properties: Mapping[str, str],
    *,
    access_token: str = "",
    refresh_token: str = "",
    code: str = "",
    redirect_uri: str = "",
    timeout: float = 10,
) -> AuthBase:
    """Return the credential that the document requires, with the values of ``properties``.

    OAuth2 needs an access token, a refresh token, or an authorization code with its redirect URI.
    Raises ``AuthError``; without a token, its message contains the URL to open for a code.
    """
    if missing := [label for label in document.properties if not properties.get(label)]:
        raise AuthError(f"No value for the property {missing[0]!r}.")
    auth = {key: fill_text(text, properties) for key, text in document.auth.items()}
    if auth.get("type") == "Bearer":
        return Bearer(auth["token"])
    if auth.get("type") == "Basic":
        return HTTPBasicAuth(auth["username"].encode(), auth["password"].encode())
    credential = OAuth2(document, properties, timeout=timeout)
    credential.token, credential.refresh_token = access_token, refresh_token
    if code:
        credential.fetch(grant_type="authorization_code", code=code, redirect_uri=redirect_uri)
    elif refresh_token and not access_token:
        credential.fetch(grant_type="refresh_token", refresh_token=refresh_token)
    elif not access_token:
        query = {
            "response_type": "code",
            "client_id": fill_text(document.oauth2["client_id"], properties),
        }
        if redirect_uri:
            query["redirect_uri"] = redirect_uri
        raise AuthError(
            "OAuth2 requires a token. For an authorization code, open "
            f"{document.oauth2['authorization_endpoint']}?{urlencode(query)}"
            f"&{document.oauth2['authorization_parameters']}"
        )
    return credential


def wrong_credential(credential: AuthBase) -> AuthBase:
    """Return an invalid credential of the same kind. It names no user whom it could lock out."""
    if isinstance(credential, HTTPBasicAuth):
        return HTTPBasicAuth("ringotel-simulator-unknown", "wrong")
    return Bearer("wrong")
