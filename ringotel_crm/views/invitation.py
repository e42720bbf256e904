"""The page where an invited colleague chooses a password."""

from __future__ import annotations

from django.contrib.auth.views import PasswordResetConfirmView

from .. import databases
from ..internal.admin_urls import reverse_admin_url


class InvitationView(PasswordResetConfirmView):
    """Choose a password, then continue to the desk, where the user logs in."""

    template_name = "ringotel_crm/invitation.html"

    def get_success_url(self) -> str:
        """Return the URL of the desk, "/" without an admin site."""
        return reverse_admin_url("ringotel_crm_activity_desk") or "/"


invitation = databases.fresh_reads()(InvitationView.as_view())
