"""Create the database of two tenants, and print their ids and keys as JSON.

``python -m tests.scale.tenant_data`` creates it, with the argument ``delete`` it deletes it.
"""

from __future__ import annotations

import json
import sys
import uuid
from typing import Any

import django
from django.db import connection

NAMES = ("North", "South")
CONTACTS = 2000
TABLES = ("contacts_contact", "leads_lead", "accounts_account", "common_profile")


def number(place: int, contact: int) -> str:
    """Return the number of a contact of the tenant ``NAMES[place]``."""
    return f"+35320{(place + 3) * 1_000_000 + contact}"


def main() -> None:
    django.setup()
    if sys.argv[1:] == ["delete"]:
        connection.creation.destroy_test_db("postgres", verbosity=0)
        return
    from django.core.management import call_command

    from ringotel_crm.auth.service_users import grant_api_permission
    from ringotel_crm.models import ApiKey

    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    apps: Any = django.apps.apps  # the models have the names of another CRM
    Org = apps.get_model("common", "Org")
    Contact = apps.get_model("contacts", "Contact")
    found = {}
    for place, name in enumerate(NAMES):
        org = Org.objects.create(id=uuid.uuid4(), name=name)
        Contact.objects.bulk_create(
            Contact(first_name=name, last_name=f"{name}{i}", phone=number(place, i), org=org)
            for i in range(CONTACTS)
        )
        tenant = str(org.pk)
        user = apps.get_model("common", "User")._default_manager.create(email=f"{name}@example.com")
        grant_api_permission(user)
        _key, token = ApiKey.objects.issue(name=name, user=user, tenant=tenant)
        found[name] = {"tenant": tenant, "key": f"Bearer {token}"}
    call_command("ringotel_index_phones", verbosity=0, stdout=sys.stderr)
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            cursor.execute(
                f"CREATE POLICY org ON {table} USING"
                " (org_id::text = current_setting('app.current_org', true))"
            )
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
