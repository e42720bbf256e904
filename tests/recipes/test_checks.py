"""The mapping of each recipe has no faults."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from ringotel_crm.checks import TAG


@pytest.mark.django_db
def test_checks_and_index_pass() -> None:
    call_command("check", tags=[TAG], fail_level="ERROR")
    call_command("ringotel_index_phones", verbosity=0)
