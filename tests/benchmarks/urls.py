"""The site, and baselines: plain views that do the same without DRF and authentication."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import orjson
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from ringotel_crm.minicrm.models import Contact, ContactPhone
from ringotel_crm.models import Activity
from ringotel_crm.models.search import prefix_q
from ringotel_crm.services.calls import statistics
from tests.projects.standalone.urls import urlpatterns as site

PERSON = (
    "contact_id",
    "contact__first_name",
    "contact__last_name",
    "contact__email",
    "contact__job_title",
)
COMPANY = "contact__organization__name"
CHUNK = 2000


def find(request: HttpRequest) -> JsonResponse:
    found = (
        ContactPhone.objects.filter(e164=request.GET["phone"])
        .values(*PERSON, COMPANY, "e164")
        .first()
    )
    return JsonResponse({"results": [found]})


def find_regex(request: HttpRequest) -> JsonResponse:
    """Match any text between the digits, as other Django CRMs do."""
    pattern = "[^0-9]*".join(request.GET["phone"].lstrip("+"))
    return JsonResponse(
        {"results": [Contact.objects.filter(phones__raw__regex=pattern).values("id").first()]}
    )


def find_icontains(request: HttpRequest) -> JsonResponse:
    found = (
        Contact.objects.filter(phones__raw__icontains=request.GET["phone"].lstrip("+"))
        .values("id")
        .first()
    )
    return JsonResponse({"results": [found]})


@csrf_exempt
def insert(request: HttpRequest) -> JsonResponse:
    data = json.loads(request.body)
    call = Activity.objects.create(
        call_id=data["call_id"],
        caller_number=data["caller_number"],
        called_number=data["called_number"],
        start=dt.datetime.fromtimestamp(data["call_start"], dt.UTC),
    )
    return JsonResponse({"id": str(call.pk)})


@csrf_exempt
def update(request: HttpRequest) -> JsonResponse:
    data = json.loads(request.body)
    Activity.objects.filter(tenant="", call_id=data["call_id"]).update(
        status="answered",
        cause=data["call_cause"],
        duration=data["call_duration"],
        end=dt.datetime.fromtimestamp(data["call_end"], dt.UTC),
    )
    return JsonResponse({"id": data["call_id"]})


def contacts(request: HttpRequest) -> StreamingHttpResponse:
    """Stream all contacts with company, as one tuple per number."""
    rows = ContactPhone.objects.order_by("contact_id", "id").values_list(
        *PERSON, COMPANY, "kind", "e164"
    )

    def parts() -> Iterator[bytes]:
        batch: list[Any] = []
        for row in rows.iterator(chunk_size=CHUNK):
            batch.append(row)
            if len(batch) == CHUNK:
                yield orjson.dumps(batch)
                batch = []
        yield orjson.dumps(batch)

    return StreamingHttpResponse(parts(), content_type="application/json")


@csrf_exempt
def upload(request: HttpRequest) -> JsonResponse:
    file: Any = request.FILES["recording"]
    return JsonResponse({"id": default_storage.save("bare", file)})


def page(rows: QuerySet[Any]) -> JsonResponse:
    """Run the queries of a changelist page: 50 rows, and the count up to a limit."""
    return JsonResponse(
        {"count": rows.values("pk")[:551].count(), "results": list(rows.values()[:50])}
    )


def calls(request: HttpRequest) -> JsonResponse:
    rows = Activity.objects.order_by("-start", "-id")
    return page(
        rows.filter(prefix_q("contact_name_normalized", request.GET["q"]))
        if "q" in request.GET
        else rows
    )


def people(request: HttpRequest) -> JsonResponse:
    rows = Contact.objects.all()
    return page(
        rows.filter(prefix_q("name_normalized", request.GET["q"])) if "q" in request.GET else rows
    )


def charts(request: HttpRequest) -> JsonResponse:
    """Run the queries of the overview for a week."""
    end = timezone.now()
    begin = end - dt.timedelta(days=7)
    week = Activity.objects.filter(start__gte=begin, start__lt=end)
    slots = len(statistics.slots(week, begin, end))
    callbacks = statistics.callbacks(week, begin).callers
    tables = [query(week) for query in (statistics.agent_rows, statistics.per_contact)]
    return JsonResponse({"results": [slots, callbacks, *tables]})


urlpatterns = [
    *site,
    path("baseline/find/", find),
    path("baseline/regex/", find_regex),
    path("baseline/icontains/", find_icontains),
    path("baseline/insert/", insert),
    path("baseline/update/", update),
    path("baseline/contacts/", contacts),
    path("baseline/upload/", upload),
    path("baseline/calls/", calls),
    path("baseline/people/", people),
    path("baseline/overview/", charts),
]
