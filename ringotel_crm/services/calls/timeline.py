"""The calls of a contact, for the host's own pages and jobs."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from ...models import Activity


def activities_for(contact: Model) -> QuerySet[Activity]:
    """The calls that point to this instance of the host's contact model, the latest first."""
    kind = ContentType.objects.get_for_model(contact)
    return Activity.objects.filter(contact_type=kind, contact_id=str(contact.pk))


def move_calls(source: Model, target: Model) -> int:
    """Point the calls of ``source`` to ``target``, as when the two are merged; call it before ``source`` is deleted.

    The names that the calls show stay as they are. Returns how many calls were moved.
    """
    kind = ContentType.objects.get_for_model(target)
    return activities_for(source).update(contact_type=kind, contact_id=str(target.pk))
