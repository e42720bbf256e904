"""Delivery receipts of the SMS carrier."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .. import databases
from ..client.sms import get_sms_backend
from ..services.messages import record_receipt


@databases.fresh_reads()
@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def receipts(request: HttpRequest) -> HttpResponse:
    """Store the receipts that the SMS backend reads from the request. Repeated and late receipts
    are harmless.

    Responds 404 if a message is not known, so that the carrier repeats the receipt.
    """
    found = [
        record_receipt(
            receipt.status, key=receipt.key, carrier_id=receipt.carrier_id, error=receipt.error
        )
        for receipt in get_sms_backend().read_receipts(request)
    ]
    return HttpResponse(status=200 if all(found) else 404)
