"""The phone index and row-level security of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from demo_project.hostcrm.models import Branch, Person
from ringotel_crm.models import PhoneIndex

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only"),
]
ROLE = "ringotel_crm_tests"


@pytest.fixture
def person(north: Branch) -> Person:
    """A person, in a table with row-level security."""
    person = Person.objects.create(branch=north, surname="Sample", office_phone="020 915 0001")
    connection.check_constraints()  # ALTER TABLE does not wait for deferred ones
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE hostcrm_person ENABLE ROW LEVEL SECURITY")
    return person


@pytest.fixture
def restricted(person: Person) -> Iterator[None]:
    """Use a role that sees no person."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}")
        cursor.execute(f"SET ROLE {ROLE}")
        yield
        cursor.execute("RESET ROLE")


@pytest.mark.usefixtures("restricted")
def test_command_refuses_to_delete_entries_of_hidden_rows() -> None:
    assert not Person.objects.exists()

    with pytest.raises(CommandError, match=r"hides rows of these tables .*: hostcrm_person"):
        call_command("ringotel_index_phones")
    with pytest.raises(CommandError, match="BYPASSRLS"):
        call_command("ringotel_index_phones", check=True)
    assert PhoneIndex.objects.exists()


def test_role_that_sees_all_rows_is_accepted(person: Person) -> None:
    call_command("ringotel_index_phones")

    assert PhoneIndex.objects.get().object_id == str(person.pk)
