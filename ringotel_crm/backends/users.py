"""The directory of the users of ``AUTH_USER_MODEL``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Q, QuerySet

from .. import phone
from ..records import UserRecord
from .base import UserDirectory
from .mapping import equals, parse

# The group of the users that Ringotel's credentials act as, and the beginning of their user names.
# They do not take calls.
SERVICE_GROUP = "Ringotel service"
SERVICE_PREFIX = "ringotel-"


def group_model() -> Any:
    """Return the model of the users' groups; ``None`` if they have none, or none with a name."""
    fields = {field.name: field for field in get_user_model()._meta.many_to_many}
    model: Any = fields["groups"].related_model if "groups" in fields else None
    return model if hasattr(model, "name") else None


def _columns() -> set[str]:
    return {field.name for field in get_user_model()._meta.concrete_fields}


def _service_users() -> Q:
    """Return the condition of the users of :func:`ringotel_crm.auth.service_users.service_user`."""
    if group_model():
        return Q(groups__name=SERVICE_GROUP)
    return Q(**{f"{get_user_model().USERNAME_FIELD}__startswith": SERVICE_PREFIX})


def _technical_accounts() -> Q:
    """Return the condition of other apps' accounts, such as ``AnonymousUser`` of django-guardian.

    They have no password, no e-mail address and no extension, and have never logged in: neither
    they themselves nor Ringotel could know them as users.
    """
    email = get_user_model().get_email_field_name()
    if not {"password", "last_login", email} <= _columns():
        return Q(pk__in=[])
    # See django.contrib.auth.hashers.make_password().
    no_password = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    no_email = Q(**{email: ""}) | Q(**{email: None})
    return no_password & no_email & Q(last_login=None, ringotel_agent=None)


def colleagues() -> QuerySet[Any]:
    """Return the active users, without service users and technical accounts."""
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    if "is_active" in _columns():
        users = users.filter(is_active=True)
    return users.exclude(_service_users()).exclude(_technical_accounts())


class AuthUserDirectory(UserDirectory):
    """``AUTH_USER_MODEL``, with extension and direct number from ``ringotel_crm.models.Agent``."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return the active users with an extension in the actor's tenant.

        Without a tenant, users without an extension are included.
        """
        tenant = self.backend.tenant
        in_tenant = Q(ringotel_agent__tenant=tenant)
        if not tenant:
            in_tenant |= Q(ringotel_agent=None)
        return colleagues().filter(in_tenant).select_related("ringotel_agent")

    def to_record(self, user: Any) -> UserRecord:
        """Return the record of a user from :meth:`get_queryset`."""
        agent = getattr(user, "ringotel_agent", None)
        first_name = getattr(user, "first_name", "")
        last_name = getattr(user, "last_name", "")
        if not (first_name or last_name):
            first_name = user.get_username()
        direct_line, extension = (agent.phone, agent.extension) if agent else ("", "")
        return UserRecord(
            id=str(user.pk),
            first_name=first_name,
            last_name=last_name,
            email=getattr(user, user.get_email_field_name(), "") or "",
            phone=phone.e164(direct_line),
            extension=extension,
        )

    def user_ids_for(self, users: Iterable[Any]) -> set[str]:
        """Return the primary keys of these users."""
        return {str(user.pk) for user in users}

    def records(self) -> Iterator[UserRecord]:
        """Yield every active user, ordered by primary key."""
        for user in self.get_queryset().order_by("pk"):
            yield self.to_record(user)

    def resolve(self, *, id: str = "", extension: str = "", email: str = "") -> UserRecord | None:
        user_model = get_user_model()
        lookups = []
        if id and (key := parse(user_model._meta.pk, id)) is not None:
            lookups.append(equals(user_model, "pk", key))
        if extension:
            lookups.append(Q(ringotel_agent__extension=extension))
        if email and (column := user_model.get_email_field_name()) in _columns():
            lookups.append(Q(**{f"{column}__iexact": email}))
        for lookup in lookups:
            users = list(self.get_queryset().filter(lookup)[:2])
            if len(users) == 1:
                return self.to_record(users[0])
        return None
