"""Calls that ring on several phones. Ringotel sends the events of each phone to the webhook."""

from __future__ import annotations

import datetime as dt
import itertools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.hooks.document import site_path
from ringotel_crm.models import WebhookToken
from ringotel_crm.simulator.report import Event
from ringotel_crm.simulator.scenarios import SyncResult
from ringotel_crm.simulator.webhooks import EventMaker, WebhookSender

NAME = "demo"
SCENARIOS = ("ring-group", "ring-group-missed")
CALLS_OF_A_DAY = 8
# Seconds between two live calls.
INTERVAL = 20


class RingGroups:
    """Simulate calls to ring groups, by the webhook of the site at ``base_url``."""

    def __init__(self, base_url: str, data: SyncResult) -> None:
        WebhookToken.objects.filter(webhook__name=NAME).delete()
        _token, token = WebhookToken.objects.issue(name=NAME, user=service_user(NAME))
        self._sender = WebhookSender(base_url + site_path("webhook", NAME), {"api_token": token})
        self._extensions = [user["extension"] for user in data.users if user.get("extension")]
        numbers = [row.get("mobile") or row.get("phone", "") for row in data.contacts]
        self._parties = [re.sub(r"\D", "", number) for number in numbers if number]

    def play_day(self, begin: dt.datetime) -> None:
        """Simulate the calls of a day, from ``begin`` on."""
        for call in self._maker(begin.timestamp()).calls(CALLS_OF_A_DAY, SCENARIOS):
            for event in call.events():
                self._sender.send(event)

    def play_in_real_time(
        self, hang_up: threading.Event, on_call: Callable[[list[Event]], None]
    ) -> None:
        """Simulate calls that last as long as they report, until ``hang_up`` is set."""
        for name in itertools.cycle(SCENARIOS):
            (call,) = self._maker(time.time()).calls(1, [name])
            sent = []
            for event in call.events():
                params = event["params"]
                at = params.get("call_end", params["call_start"]) / 1000
                hang_up.wait(max(0, at - time.time()))
                sent.append(replace(self._sender.send(event), scenario=name))
            on_call(sent)
            if hang_up.wait(INTERVAL):
                return

    def _maker(self, begin: float) -> EventMaker:
        return EventMaker(int(begin), self._extensions, self._parties, int(begin * 1000))
