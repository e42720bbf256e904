"""Which user of Ringotel is which of the CRM's."""

from __future__ import annotations

from collections.abc import Iterable

from ...backends import Backend
from ...models import RingotelUser
from ...records import RingotelUserRecord
from .. import locks


def agent_id(backend: Backend, ringotel_id: str) -> str:
    """The CRM's id of this user of Ringotel, "" unless a person has confirmed it."""
    if not ringotel_id:
        return ""
    confirmed = RingotelUser.objects.filter(
        tenant=backend.tenant, ringotel_id=ringotel_id, confirmed=True
    )
    return confirmed.values_list("agent_id", flat=True).first() or ""


def propose_matches(backend: Backend, people: Iterable[RingotelUserRecord]) -> list[RingotelUser]:
    """Write down Ringotel's users, each with whom he or she probably is: by e-mail address, else by extension.

    What a person has confirmed stays. Users that Ringotel does not have any more, and nobody confirmed, are dropped.
    """
    rows = []
    for person in people:
        found, matched_by = (
            backend.users.resolve(email=person.email) if person.email else None,
            RingotelUser.MatchedBy.EMAIL,
        )
        if found is None and person.extension:
            found, matched_by = (
                backend.users.resolve(extension=person.extension),
                RingotelUser.MatchedBy.EXTENSION,
            )
        new = RingotelUser(tenant=backend.tenant, ringotel_id=person.id, name=person.name[:255])
        locks.upsert(new, key=["tenant", "ringotel_id"], update_field="name")
        row = RingotelUser.objects.get(tenant=backend.tenant, ringotel_id=person.id)
        row.extension, row.email = person.extension[:64], person.email[:254]
        if not row.confirmed:
            row.agent_id, row.agent_name = (found.id, found.name[:255]) if found else ("", "")
            row.matched_by = matched_by if found else ""
        row.save()
        rows.append(row)
    gone = RingotelUser.objects.filter(tenant=backend.tenant, confirmed=False).exclude(
        pk__in=[row.pk for row in rows]
    )
    gone.delete()
    return rows
