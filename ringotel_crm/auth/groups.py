"""Ready-made groups, so that nobody has to pick permissions one by one."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils.translation import gettext_noop

AGENT, SUPERVISOR, ADMINISTRATOR = (
    gettext_noop("Agent"),
    gettext_noop("Supervisor"),
    gettext_noop("Administrator"),
)

# What each may do beyond the one before. Of our own app; the contacts' models follow below.
_OWN = (
    *("view_own_activity", "change_activity", "listen_own_recording", "place_call"),
    *("add_note", "change_note", "view_note"),
)
_ALL = (
    "view_activity",
    "listen_team_recording",
    "export_activity",
    "merge_contacts",
    "view_agent",
    "view_phoneindex",
)


@transaction.atomic
def create_groups(contact_models: list[tuple[str, str]]) -> dict[str, int]:
    """Make the three groups, or give them what they lack; what a site added stays. Name and number of permissions.

    ``contact_models`` are app label and model name of the tables with the people: agents view, add and change these,
    supervisors delete them as well.
    """
    ours = Permission.objects.filter(content_type__app_label="ringotel_crm")
    theirs = Permission.objects.none()
    for app_label, model in contact_models:
        theirs |= Permission.objects.filter(
            content_type__app_label=app_label, content_type__model=model
        )
    agent = {*ours.filter(codename__in=_OWN), *theirs.exclude(codename__startswith="delete_")}
    supervisor = {*agent, *ours.filter(codename__in=_ALL), *theirs}
    # Acting as Ringotel itself is for service users.
    administrator = {*supervisor, *ours.exclude(codename="use_api")}
    made = {}
    for name, permissions in (
        (AGENT, agent),
        (SUPERVISOR, supervisor),
        (ADMINISTRATOR, administrator),
    ):
        group, _created = Group.objects.get_or_create(name=f"Ringotel {name.lower()}")
        group.permissions.add(*permissions)
        made[group.name] = group.permissions.count()
    return made
