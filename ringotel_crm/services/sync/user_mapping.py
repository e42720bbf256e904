"""Which Ringotel user is which user of the CRM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ... import databases
from ...backends import Backend
from ...models import RingotelUser
from ...records import RingotelUserRecord, RingotelUserStatus, UserRecord
from .. import locks


@databases.fresh_reads()
def agent_id(backend: Backend, ringotel_id: str) -> str:
    """Return the CRM's id of a Ringotel user, or of the owner of an attached extension.

    Returns "" unless a person has confirmed the match.
    """
    if not ringotel_id:
        return ""
    users = RingotelUser.objects.filter(tenant=backend.tenant, ringotel_id=ringotel_id)
    user = users.select_related("owner").first()
    matched = (user.owner or user) if user else None
    return matched.agent_id if matched and matched.confirmed else ""


def resolve_agent(
    backend: Backend, *, id: str = "", extension: str = "", email: str = ""
) -> UserRecord | None:
    """Return the CRM's user with this id, else extension, else e-mail address, as the backend knows
    them.

    An extension that the backend does not know may be attached to a user's main extension in
    Ringotel, or belong to a Ringotel user with a confirmed match.
    """
    found = backend.users.resolve(id=id, extension=extension, email=email)
    if found or not extension:
        return found
    users = RingotelUser.objects.filter(tenant=backend.tenant, extension=extension)
    rows = list(users.select_related("owner")[:2])
    if len(rows) != 1:  # the same extension of two connections
        return None
    user = rows[0].owner or rows[0]
    known = user.agent_id if user.confirmed else ""
    main = user.extension if user.extension != extension else ""
    return backend.users.resolve(id=known, extension=main) if known or main else None


def propose_matches(backend: Backend, people: Iterable[RingotelUserRecord]) -> list[RingotelUser]:
    """Store Ringotel's users, each with the CRM's user that matches by e-mail, extension or
    attached extension.

    Confirmed matches are kept. Parking slots and AI agents are left out. Unconfirmed rows of users
    that Ringotel no longer has are deleted.
    """
    people = [person for person in people if person.is_person]
    rows: dict[str, RingotelUser] = {}
    for person in people:
        if person.status != RingotelUserStatus.ATTACHED:
            rows[person.id] = _store(backend, person)
    owners = _owners(people, rows)
    for person in people:
        if person.status == RingotelUserStatus.ATTACHED:
            rows[person.id] = _store(backend, person, owners.get(person.id))
    kept = [row.pk for row in rows.values()]
    unconfirmed = RingotelUser.objects.filter(tenant=backend.tenant, confirmed=False)
    unconfirmed.exclude(pk__in=kept).delete()
    return list(rows.values())


def _owners(
    people: Sequence[RingotelUserRecord], rows: dict[str, RingotelUser]
) -> dict[str, RingotelUser]:
    """Return the row of the owner of each attached extension, by the id of the extension's own
    entry."""
    ids = {
        person.extension: person.id
        for person in people
        if person.status == RingotelUserStatus.ATTACHED
    }
    return {
        attached.id or ids.get(attached.extension, ""): rows[person.id]
        for person in people
        if person.id in rows
        for attached in person.attached
    }


def _store(
    backend: Backend, person: RingotelUserRecord, owner: RingotelUser | None = None
) -> RingotelUser:
    new = RingotelUser(tenant=backend.tenant, ringotel_id=person.id, name=person.name[:255])
    locks.upsert(new, key=["tenant", "ringotel_id"], update_field="name")
    row = RingotelUser.objects.get(tenant=backend.tenant, ringotel_id=person.id)
    row.extension, row.email, row.owner = person.extension[:64], person.email[:254], owner
    if owner:  # its match is the owner's
        row.confirmed, row.matched_by = False, RingotelUser.MatchedBy.ATTACHED
        row.agent_id, row.agent_name = owner.agent_id, owner.agent_name
    elif not row.confirmed:
        found, row.matched_by = _match(backend, person)
        row.agent_id, row.agent_name = (found.id, found.name[:255]) if found else ("", "")
    row.save()
    return row


def _match(backend: Backend, person: RingotelUserRecord) -> tuple[UserRecord | None, str]:
    users, matched_by = backend.users, RingotelUser.MatchedBy
    if person.email and (found := users.resolve(email=person.email)):
        return found, matched_by.EMAIL
    if person.extension and (found := users.resolve(extension=person.extension)):
        return found, matched_by.EXTENSION
    for attached in person.attached:
        if attached.extension and (found := users.resolve(extension=attached.extension)):
            return found, matched_by.ATTACHED
    return None, ""


def users_to_create(backend: Backend, people: Sequence[RingotelUserRecord]) -> Iterator[UserRecord]:
    """Yield the CRM's users with an extension for whom Ringotel has no user: none that matches,
    none with it."""
    matched = set(
        RingotelUser.objects.filter(tenant=backend.tenant).values_list("agent_id", flat=True)
    )
    taken = {extension for person in people for extension in person.extensions}
    for user in backend.users.records():
        if user.extension and user.id not in matched and user.extension not in taken:
            yield user


def store_created(backend: Backend, person: RingotelUserRecord, user: UserRecord) -> None:
    """Store a Ringotel user that was created for a user of the CRM, as a confirmed match."""
    row = _store(backend, person)
    row.agent_id, row.agent_name = user.id, user.name[:255]
    row.matched_by, row.confirmed = RingotelUser.MatchedBy.EXTENSION, True
    row.extension = row.extension or user.extension[:64]
    row.save()
