"""Compare a rebuild of the phone index with phonenumbers alone.

``python -m tests.benchmarks.rebuild`` prints the results as JSON.
"""

from __future__ import annotations

import io
import json
import os
import resource
import time
from collections.abc import Callable
from itertools import islice

import django


def rate(work: Callable[[], int]) -> float:
    """Return the count that ``work`` returns, per second."""
    begun = time.perf_counter()
    return work() / (time.perf_counter() - begun)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.benchmarks.settings")
    django.setup()
    import phonenumbers
    from django.core.management import call_command
    from django.test.utils import override_settings

    from ringotel_crm.minicrm.models import ContactPhone
    from ringotel_crm.models import PhoneIndex

    texts = list(islice(ContactPhone.objects.values_list("raw", flat=True).iterator(), 20_000))

    def parse() -> int:
        for text in texts:
            phonenumbers.format_number(
                phonenumbers.parse(text, "IE"), phonenumbers.PhoneNumberFormat.E164
            )
        return len(texts)

    def rebuild() -> int:
        PhoneIndex.objects.all().delete()
        call_command("ringotel_index_phones", stdout=io.StringIO())
        return PhoneIndex.objects.count()

    parses = [rate(parse)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with override_settings(
        RINGOTEL_CRM={
            "DEFAULT_REGION": "IE",
            "BACKEND": "tests.projects.mapped.backend.MappedBackend",
        }
    ):
        rows = rate(rebuild)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    parses.append(rate(parse))
    found = {"numbers per second": round(rows), "parses per second": round(max(parses))}
    print(  # noqa: T201
        json.dumps(
            {
                **found,
                "ratio": round(rows / max(parses), 2),
                "memory growth MB": round(grown / 1024, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
