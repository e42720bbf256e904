"""What the commands that deal with one person share."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import CommandError

from ..backends import Backend, get_backend
from ..exceptions import CRMError
from ..records import Actor
from ..services.privacy.subjects import DataSubject, find_subject


def add_subject_arguments(parser: ArgumentParser) -> None:
    """Whom it is about, and on whose behalf."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--contact", metavar="ID", default="", help="the contact's id in the CRM")
    who.add_argument(
        "--number", default="", help="the number of somebody who called and is no contact"
    )
    parser.add_argument(
        "--user", metavar="USERNAME", help="who asks for it; written into the audit entry"
    )
    parser.add_argument("--tenant", default="", help="the tenant, where there are any")


def get_subject(options: dict[str, Any]) -> tuple[Backend, DataSubject, Any]:
    """The CRM, the person, and the user or None. Raises ``CommandError``."""
    user, users = None, get_user_model()
    if options["user"]:
        try:
            user = users._default_manager.get_by_natural_key(options["user"])
        except users.DoesNotExist as error:
            raise CommandError(f"--user: there is no user {options['user']!r}.") from error
    backend = get_backend(Actor(user=user or AnonymousUser(), tenant=options["tenant"]))
    try:
        return (
            backend,
            find_subject(backend, contact_id=options["contact"], number=options["number"]),
            user,
        )
    except CRMError as error:
        ids = error.fields.get("number", ())
        raise CommandError(" ".join([error.message, *map(str, ids)])) from error
