"""Replies through Twilio's HTTP API. ``docs/sms.rst`` shows this module."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from os import environ

import requests
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse

from ringotel_crm.client.sms import (
    CarrierStatus,
    DeliveryReceipt,
    OutgoingSMS,
    SMSBackend,
    SMSRejected,
)

STATUSES = {
    "delivered": CarrierStatus.DELIVERED,
    "undelivered": CarrierStatus.FAILED,
    "failed": CarrierStatus.FAILED,
}


class TwilioBackend(SMSBackend):
    api = "https://api.twilio.com"

    def send(self, sms: OutgoingSMS) -> str:
        url = f"{self.api}/2010-04-01/Accounts/{environ['TWILIO_SID']}/Messages.json"
        callback = f"{environ['SITE_URL']}{reverse('ringotel_crm:sms-receipts')}?key={sms.key}"
        data = {"From": environ["TWILIO_NUMBER"], "To": sms.number, "Body": sms.text}
        auth = (environ["TWILIO_SID"], environ["TWILIO_TOKEN"])
        response = requests.post(url, {**data, "StatusCallback": callback}, auth=auth, timeout=10)
        if response.status_code == 400:
            raise SMSRejected(response.json()["message"])
        response.raise_for_status()
        return str(response.json()["sid"])

    def read_receipts(self, request: HttpRequest) -> Iterable[DeliveryReceipt]:
        url = environ["SITE_URL"] + request.get_full_path()
        signed = url + "".join(name + request.POST[name] for name in sorted(request.POST))
        digest = hmac.digest(environ["TWILIO_TOKEN"].encode(), signed.encode(), "sha1")
        given = request.headers.get("X-Twilio-Signature", "")
        if not hmac.compare_digest(base64.b64encode(digest), given.encode()):
            raise PermissionDenied
        status = STATUSES.get(request.POST["MessageStatus"])
        if status is None:  # queued, sending, sent
            return []
        key, error = request.GET["key"], request.POST.get("ErrorCode", "")
        return [DeliveryReceipt(status=status, key=key, error=error)]
