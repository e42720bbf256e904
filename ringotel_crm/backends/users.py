"""The users of ``django.contrib.auth`` as the people who take calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from .. import phone
from ..records import UserRecord
from .base import UserDirectory

# The users that connect Ringotel itself belong to this group: they are nobody's colleague.
SERVICE_GROUP = "Ringotel service"


class AuthUserDirectory(UserDirectory):
    """``AUTH_USER_MODEL``, with extension and direct number from :class:`~ringotel_crm.models.Agent`."""

    def get_queryset(self) -> QuerySet[Any]:
        """The active people with an extension of the actor's tenant; without a tenant, also those with none."""
        tenant = self.backend.tenant
        users = get_user_model()._default_manager.filter(is_active=True)
        users = users.filter(
            Q(ringotel_agent__tenant=tenant) | (Q() if tenant else Q(ringotel_agent=None))
        )
        if hasattr(get_user_model(), "groups"):
            users = users.exclude(groups__name=SERVICE_GROUP)
        return users.select_related("ringotel_agent")

    def to_record(self, user: Any) -> UserRecord:
        """The record of one row of :meth:`get_queryset`."""
        agent = getattr(user, "ringotel_agent", None)
        first_name = getattr(user, "first_name", "")
        last_name = getattr(user, "last_name", "")
        return UserRecord(
            id=str(user.pk),
            first_name=first_name or ("" if last_name else user.get_username()),
            last_name=last_name,
            email=getattr(user, user.get_email_field_name(), "") or "",
            phone=phone.e164(agent.phone) if agent else "",
            extension=agent.extension if agent else "",
        )

    def user_ids_for(self, users: Iterable[Any]) -> set[str]:
        """Their primary keys."""
        return {str(user.pk) for user in users}

    def records(self) -> Iterator[UserRecord]:
        """Every active user, by id."""
        for user in self.get_queryset().order_by("pk"):
            yield self.to_record(user)

    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        """By id, else by extension, else by e-mail address; see the base class."""
        email_field = get_user_model().get_email_field_name()
        for lookup, value in (
            ("pk", id),
            ("ringotel_agent__extension", extension),
            (f"{email_field}__iexact", email),
        ):
            if not value:
                continue
            try:
                users = list(self.get_queryset().filter(**{lookup: value})[:2])
            except (
                TypeError,
                ValueError,
                OverflowError,
            ):  # text that is not a primary key of this model
                continue
            if len(users) == 1:
                return self.to_record(users[0])
        return None
