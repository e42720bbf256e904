"""Downloads of files that were received as messages."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from .. import databases
from ..backends import get_backend
from ..internal.permissions import has_perm
from ..models import Message
from ..records import Actor


@databases.fresh_reads()
@require_safe
@login_required
def download_attachment(request: HttpRequest, pk: int) -> FileResponse:
    """Return the file of a message as a download. Its content is untrusted, so it is never
    displayed by the browser.
    """
    if not has_perm(request.user, "ringotel_crm.view_message"):
        raise PermissionDenied
    messages = Message.objects.exclude(file="")
    if tenant := get_backend(Actor(user=request.user, request=request)).tenant:
        messages = messages.filter(conversation__tenant=tenant)
    message = get_object_or_404(messages, pk=pk)
    try:
        file = message.file.open("rb")
    except FileNotFoundError as exc:
        raise Http404 from exc
    response = FileResponse(
        file, as_attachment=True, filename=f"message-{pk}", content_type="application/octet-stream"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private"
    return response
