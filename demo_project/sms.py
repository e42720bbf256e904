"""An SMS carrier that sends nothing."""

from __future__ import annotations

from ringotel_crm.client.sms import OutgoingSMS, SMSBackend


class PretendingBackend(SMSBackend):
    """Accept every message."""

    def get_help_text(self) -> str:
        return "The demo pretends to have an SMS carrier: nothing is sent."

    def send(self, sms: OutgoingSMS) -> str:
        return ""
