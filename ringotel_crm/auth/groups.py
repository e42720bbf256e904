"""Ready-made permission groups."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .. import databases
from ..backends import get_backend_class
from ..backends.users import group_model
from ..exceptions import InvalidInput
from .service_users import has_permissions

AGENT = gettext_noop("Agent")
SUPERVISOR = gettext_noop("Supervisor")
ADMINISTRATOR = gettext_noop("Administrator")

# Permissions of this app for agents.
_AGENT_CODENAMES = (
    "view_own_activity",
    "view_contact_activity",
    "change_activity",
    "listen_own_recording",
    "place_call",
    "add_note",
    "change_note",
    "view_note",
    "add_followup",
    "change_followup",
    "view_followup",
)
# Permissions of this app that supervisors have in addition.
_SUPERVISOR_CODENAMES = (
    "view_activity",
    "listen_team_recording",
    "download_recording",
    "export_activity",
    "merge_contacts",
    "view_conversation",
    "send_message",
    "view_agent",
    "view_phoneindex",
)


def contact_models() -> list[tuple[str, str]]:
    """Return app label and model name of the tables with contacts and organizations."""
    backend = get_backend_class()
    directories: list[Any] = [*backend.contact_directory.component_classes()]
    if backend.organization_directory:
        directories += backend.organization_directory.component_classes()
    models = [getattr(directory, "model", None) for directory in directories]
    if apps.is_installed("ringotel_crm.minicrm"):
        models += apps.get_app_config("ringotel_minicrm").get_models()
    return [(model._meta.app_label, str(model._meta.model_name)) for model in models if model]


def group_name(role: str) -> str:
    """Return the name of the group of :data:`AGENT` or another role."""
    return f"Ringotel {role.lower()}"


def roles_given_by(user: Any) -> list[str]:
    """Return the roles whose permissions ``user`` has, so that none can be gained through them.

    A superuser may give every role, also if the groups do not exist yet.
    """
    roles = (AGENT, SUPERVISOR, ADMINISTRATOR)
    groups = group_model()
    if not groups or not has_permissions(groups):
        return []
    if getattr(user, "is_superuser", False):
        return [*roles]
    found = groups._default_manager.filter(name__in=map(group_name, roles))
    permissions = {
        group.name: {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.all()}
        for group in found.prefetch_related("permissions__content_type")
    }
    return [
        role
        for role in roles
        if group_name(role) in permissions and user.has_perms(permissions[group_name(role)])
    ]


def get_group(role: str) -> Any:
    """Return the group of ``role``. Creates the groups if it does not exist."""
    groups = group_model()._default_manager
    if not groups.filter(name=group_name(role)).exists():
        create_groups(contact_models())
    return groups.get(name=group_name(role))


@databases.atomic(Permission)
def create_groups(models: list[tuple[str, str]]) -> dict[str, int]:
    """Create the groups of agents, supervisors and administrators, or add the permissions that they
    lack.

    ``models`` is the result of :func:`contact_models`, or a part of it. Agents may view, add and
    change their rows, supervisors also delete them. Administrators have all permissions of this app
    but ``use_api``, which is for service users. Permissions that the site has added remain.

    Returns the number of permissions of each group by name: ``{"Ringotel agent": 12, ...}``. Raises
    ``InvalidInput`` if the site's groups do not have Django's permissions.
    """
    groups = group_model()
    if not groups or not has_permissions(groups):
        raise InvalidInput(
            _(
                "The groups of this site do not have Django's permissions. Give your staff the "
                "permissions of the app ringotel_crm as your site does it."
            )
        )
    app_permissions = Permission.objects.filter(content_type__app_label="ringotel_crm")
    contact_permissions = Permission.objects.none()
    for app_label, model in models:
        contact_permissions |= Permission.objects.filter(
            content_type__app_label=app_label, content_type__model=model
        )
    agent = {
        *app_permissions.filter(codename__in=_AGENT_CODENAMES),
        *contact_permissions.exclude(codename__startswith="delete_"),
    }
    supervisor = {
        *agent,
        *app_permissions.filter(codename__in=_SUPERVISOR_CODENAMES),
        *contact_permissions,
    }
    administrator = {*supervisor, *app_permissions.exclude(codename="use_api")}
    roles = {AGENT: agent, SUPERVISOR: supervisor, ADMINISTRATOR: administrator}
    return {group_name(role): _grant(groups, role, roles[role]) for role in roles}


def _grant(groups: Any, role: str, permissions: set[Permission]) -> int:
    """Add ``permissions`` to the group of ``role``; return how many the group has."""
    group, _created = groups._default_manager.get_or_create(name=group_name(role))
    group.permissions.add(*permissions)
    return int(group.permissions.count())
