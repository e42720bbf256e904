"""Tokens of which only a hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .fields import IdentifierField
from .validators import validate_reasonable_year

Token = TypeVar("Token", bound="HashedToken")


class HashedTokenManager(models.Manager[Token]):
    """Base of the managers that issue tokens."""

    def valid(self) -> models.QuerySet[Token]:
        """Return the tokens that have not expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))


class HashedToken(models.Model):
    """Abstract base of bearer tokens.

    A token is ``MARK`` and 256 random bits, e.g. ``rtk_Zx8...``. It is returned once, when it is
    issued, and stored as SHA-256: a random token does not need a slow hash.
    """

    # Prefix by which authenticators and secret scanners recognize the token.
    MARK: ClassVar[str]

    digest = IdentifierField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("begins with"), max_length=16, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, validators=[validate_reasonable_year]
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def generate(cls) -> tuple[str, dict[str, Any]]:
        """Return a new token, and the columns with which a row stores it."""
        token = f"{cls.MARK}{secrets.token_urlsafe(32)}"
        hint = token[: len(cls.MARK) + 4]
        return token, {"digest": cls.digest_of(token), "hint": hint, "last_used_at": None}

    @staticmethod
    def digest_of(token: str) -> str:
        """Return the hash under which ``token`` is stored and looked up, 64 hex digits."""
        return hashlib.sha256(token.encode(errors="replace")).hexdigest()
