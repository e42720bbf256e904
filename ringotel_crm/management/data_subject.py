"""Options that the commands for one person share."""

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
    """Add the options that :func:`get_subject` reads."""
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--contact", metavar="ID", default="", help="id of the contact in the CRM")
    subject.add_argument("--number", default="", help="phone number of a caller without a contact")
    parser.add_argument(
        "--user", metavar="USERNAME", help="the user who requests this, for the audit log"
    )
    parser.add_argument("--tenant", default="", help="the tenant, if the backend has tenants")


def get_subject(options: dict[str, Any]) -> tuple[Backend, DataSubject, Any]:
    """Return the backend, the data subject, and the user or ``None``. Raises ``CommandError``."""
    user, users = None, get_user_model()
    if options["user"]:
        try:
            user = users._default_manager.get_by_natural_key(options["user"])
        except users.DoesNotExist as exc:
            raise CommandError(f"--user: unknown user {options['user']!r}.") from exc
    backend = get_backend(Actor(user=user or AnonymousUser(), tenant=options["tenant"]))
    try:
        subject = find_subject(backend, contact_id=options["contact"], number=options["number"])
    except CRMError as exc:
        ids = exc.fields.get("number", ())
        raise CommandError(" ".join([exc.message, *map(str, ids)])) from exc
    return backend, subject, user
