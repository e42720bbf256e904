"""Which user of Ringotel is which of the CRM's."""

from __future__ import annotations

from collections.abc import Iterable

from ..backends import Backend
from ..models import RemoteUser
from ..records import RemotePerson
from . import locks


def agent_id(backend: Backend, ringotel_id: str) -> str:
    """The CRM's id of this user of Ringotel, "" unless a person has confirmed it."""
    if not ringotel_id:
        return ""
    confirmed = RemoteUser.objects.filter(scope=backend.scope, ringotel_id=ringotel_id, confirmed=True)
    return confirmed.values_list("agent_id", flat=True).first() or ""


def propose(backend: Backend, people: Iterable[RemotePerson]) -> list[RemoteUser]:
    """Write down Ringotel's users, each with whom he or she probably is: by e-mail address, else by extension.

    What a person has confirmed stays. Users that Ringotel does not have any more, and nobody confirmed, are dropped.
    """
    rows = []
    for person in people:
        found, basis = backend.users.resolve(email=person.email) if person.email else None, RemoteUser.Basis.EMAIL
        if found is None and person.extension:
            found, basis = backend.users.resolve(extension=person.extension), RemoteUser.Basis.EXTENSION
        new = RemoteUser(scope=backend.scope, ringotel_id=person.id, name=person.name[:255])
        locks.upsert(new, key=["scope", "ringotel_id"], touch="name")
        row = RemoteUser.objects.get(scope=backend.scope, ringotel_id=person.id)
        row.extension, row.email = person.extension[:64], person.email[:254]
        if not row.confirmed:
            row.agent_id, row.agent_name = (found.id, found.name[:255]) if found else ("", "")
            row.basis = basis if found else ""
        row.save()
        rows.append(row)
    gone = RemoteUser.objects.filter(scope=backend.scope, confirmed=False).exclude(pk__in=[row.pk for row in rows])
    gone.delete()
    return rows
