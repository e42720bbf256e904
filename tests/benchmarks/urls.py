"""The site, and the floor: the same work in bare views, without DRF and authentication."""

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
    """As Django CRMs do it: any text between the digits, and the first contact that is found."""
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
    """Every contact with numbers and company, a tuple for each number."""
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
    """What a page of a list in the admin takes from the database, whole rows and how many there are up to a limit."""
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
        rows.filter(prefix_q("last_name_normalized", request.GET["q"]))
        if "q" in request.GET
        else rows
    )


def figures(request: HttpRequest) -> JsonResponse:
    """A grouped query for each picture of a week."""
    week = Activity.objects.filter(start__gte=timezone.now() - dt.timedelta(days=7))
    pictures = (
        statistics.per_day,
        statistics.per_hour,
        statistics.per_agent,
        statistics.per_contact,
    )
    return JsonResponse({"results": [picture(week) for picture in pictures]})


urlpatterns = [
    *site,
    path("floor/find/", find),
    path("floor/regex/", find_regex),
    path("floor/icontains/", find_icontains),
    path("floor/insert/", insert),
    path("floor/update/", update),
    path("floor/contacts/", contacts),
    path("floor/upload/", upload),
    path("floor/calls/", calls),
    path("floor/people/", people),
    path("floor/overview/", figures),
]
