"""Ready-made permission groups."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .. import databases
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
    "view_agent",
    "view_phoneindex",
)


@databases.atomic(Permission)
def create_groups(contact_models: list[tuple[str, str]]) -> dict[str, int]:
    """Create the groups of agents, supervisors and administrators, or add the permissions that they
    lack.

    ``contact_models``: app label and model name of the tables with contacts and organizations.
    Agents may view, add and change their rows, supervisors also delete them. Administrators have
    all permissions of this app but ``use_api``, which is for service users. Permissions that the
    site has added remain.

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
    for app_label, model in contact_models:
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
    return {f"Ringotel {role.lower()}": _grant(groups, role, roles[role]) for role in roles}


def _grant(groups: Any, role: str, permissions: set[Permission]) -> int:
    """Add ``permissions`` to the group of ``role``; return how many the group has."""
    group, _created = groups._default_manager.get_or_create(name=f"Ringotel {role.lower()}")
    group.permissions.add(*permissions)
    return int(group.permissions.count())
