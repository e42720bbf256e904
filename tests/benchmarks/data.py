"""Create the database of the benchmarks.

``python -m tests.benchmarks.data CONTACTS CALLS`` creates it and prints credentials as JSON.
Without arguments, it deletes the database. The rows are generated in SQL, with made-up names and
numbers of an Irish area code that is not in use.

With ``ROWS=mixed`` in the environment, the rows are those of :mod:`.mixed`. ``KEPT_FACTS`` is a
file for the credentials: if it is set, the database is kept, and used again by the next run.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import Any

import django
from django.core.management.color import no_style
from django.db import connection, models


def number(contact: int, kind: int = 0) -> str:
    """Return the work number (kind 0) or mobile number (kind 1) of the contact with this key."""
    return f"+35320{(1 + kind) * 30_000_000 + contact}"


def make(contacts: int, calls: int) -> None:
    """Create contacts, each with a company and two numbers, and calls spread over a year."""
    from django.contrib.contenttypes.models import ContentType

    from ringotel_crm.minicrm.models import Contact, ContactPhone, ContactWord, Organization
    from ringotel_crm.models import Activity

    companies = max(1, contacts // 20)
    make_organizations(companies, "Sample")
    fill(
        Contact,
        contacts,
        id="i",
        first_name="'Given'",
        last_name="'Sample' || i",
        name_normalized="'given sample' || i",
        email="'given.sample' || i || '@example.com'",
        job_title="'Baker'",
        organization_id=f"1 + i % {companies}",
    )
    for word in ("'given'", "'sample' || i", "'sample'", f"'' || (1 + i % {companies})", "'ltd'"):
        fill(ContactWord, contacts, owner_id="i", word=word)
    for kind, name in enumerate(("work", "mobile")):
        e164 = f"'{number(0, kind)[:6]}' || ({number(0, kind)[6:]} + i)"
        fill(
            ContactPhone,
            contacts,
            contact_id="i",
            kind=f"'{name}'",
            raw=e164,
            **stored(e164),
        )
    caller, who = f"'+35320' || (30000001 + i % {contacts})", f"(1 + i % {contacts})"
    fill(
        Activity,
        calls,
        call_id="'old ' || i",
        direction="'inbound'",
        status="'answered'",
        caller_number=caller,
        caller_e164=caller,
        outside_number_reversed=f"reverse(substr({caller}, 2))",
        called_number="'+353209150000'",
        called_e164="'+353209150000'",
        contact_type_id=str(ContentType.objects.get_for_model(Contact).pk),
        contact_id=f"'' || {who}",
        contact_name=f"'Given Sample' || {who}",
        contact_name_normalized=f"'given sample' || {who}",
        agent_id="'' || (i % 50)",
        start=moment(f"i * {365 * 24 * 3600 / max(calls, 1)}"),
        duration="i % 600",
    )
    finish([Organization, Contact])


def finish(numbered: list[type[models.Model]]) -> None:
    """Collect statistics, and let the primary keys of ``numbered`` continue after the last row."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), numbered):
            cursor.execute(statement)
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def make_organizations(count: int, name: str, **columns: str) -> None:
    """Create organizations with names such as "Sample 7 Ltd". ``columns``: see :func:`fill`."""
    from ringotel_crm.minicrm.models import Organization, OrganizationWord

    fill(
        Organization,
        count,
        id="i",
        name=f"'{name} ' || i || ' Ltd'",
        name_normalized=f"'{name.lower()} ' || i || ' ltd'",
        **columns,
    )
    for word in (f"'{name.lower()}'", "'' || i", "'ltd'"):
        fill(OrganizationWord, count, owner_id="i", word=word)


def stored(e164: str) -> dict[str, str]:
    """Return the columns by which the number that the SQL ``e164`` returns is found."""
    return {"e164": e164, "e164_reversed": f"reverse(substr({e164}, 2))"}


def moment(seconds: str) -> str:
    """Return SQL for the time ``seconds`` ago."""
    if connection.vendor == "postgresql":
        return f"now() - ({seconds}) * interval '1 second'"
    return f"datetime('now', '-' || ({seconds}) || ' seconds')"


def fill(model: type[models.Model], rows: int, **expressions: str) -> None:
    """Insert rows. ``expressions`` are SQL per column, in which ``i`` counts from 1.

    The other columns have their defaults.
    """
    columns: list[str] = []
    values: list[str] = []
    params: list[Any] = []
    for field in model._meta.concrete_fields:
        name = str(field.column)
        if name in expressions:
            values.append(expressions[name].replace("%", "%%"))
        elif field.primary_key:
            continue
        else:
            values.append("%s")
            params.append(default(field))
        columns.append(connection.ops.quote_name(name))
    if connection.vendor == "postgresql":
        series = f"WITH n(i) AS (SELECT generate_series(1, {rows}))"
    else:
        series = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({', '.join(columns)})"
            f" {series} SELECT {', '.join(values)} FROM n",
            params,
        )


def default(field: models.Field[Any, Any]) -> Any:
    """Return the database value of the default of a field."""
    from django.utils import timezone

    if isinstance(field, models.DateTimeField) and not field.null:
        return connection.ops.adapt_datetimefield_value(timezone.now() - dt.timedelta(days=1))
    return None if field.null else field.get_db_prep_save(field.get_default(), connection)


def credentials() -> dict[str, str]:
    """Return an ``Authorization`` header per kind of authentication, and an admin's cookie."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.utils import timezone
    from oauth2_provider.models import AccessToken, Application

    from ringotel_crm.auth.oauth import make_application
    from ringotel_crm.auth.service_users import service_user
    from ringotel_crm.models import ApiKey

    user = service_user("bench")
    user.set_password("password")
    user.save()
    _key, token = ApiKey.objects.issue(name="bench", user=user)
    make_application(name="bench", redirect_uri="https://phone.example/back", user=user)
    expires = timezone.now() + dt.timedelta(days=1)
    AccessToken.objects.create(
        user=user,
        token="bench-token",
        application=Application.objects.get(),
        expires=expires,
        scope="ringotel",
    )
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("admin"))
    basic = base64.b64encode(f"{user.get_username()}:password".encode()).decode()
    return {
        "bearer": f"Bearer {token}",
        "oauth2": "Bearer bench-token",
        "basic": f"Basic {basic}",
        "cookie": f"sessionid={client.cookies['sessionid'].value}",
    }


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.settings")
    django.setup()
    kept = os.environ.get("KEPT_FACTS")
    if len(sys.argv) == 1:
        if not kept:
            connection.creation.destroy_test_db("postgres", verbosity=0)
        return
    if kept and Path(kept).exists():
        print(Path(kept).read_text())  # noqa: T201
        return
    facts = json.dumps(create(*map(int, sys.argv[1:])))
    if kept:
        Path(kept).write_text(facts)
    print(facts)  # noqa: T201


def create(contacts: int, calls: int) -> dict[str, Any]:
    """Create the database, and return what the benchmarks have to know of it."""
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    from tests.hooks.test_queries import COUNTS

    if os.environ.get("ROWS") == "mixed":
        from tests.benchmarks import mixed

        mixed.make(contacts, calls)
        return {**credentials(), **mixed.credentials()}
    make(contacts, calls)
    return {**credentials(), "queries": COUNTS}


if __name__ == "__main__":
    main()
