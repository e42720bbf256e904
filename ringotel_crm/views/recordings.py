"""Playback of recordings: permissions, byte ranges and delivery."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import IO
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import databases
from ..conf import conf
from ..exceptions import ServiceUnavailable
from ..internal.permissions import has_perm
from ..media import waveform
from ..media.storage import recording_storage, signed_url
from ..models import Recording
from ..records import Delivery
from ..services.audit import log_playback
from ..services.recordings.store import recordings_playable_by

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024
DOWNLOAD = "ringotel_crm.download_recording"

RANGE = re.compile(r"bytes\s*=\s*(\d{0,99})-(\d{0,99})", re.ASCII)
# Seconds that a signed URL is valid beyond the length of the recording, for pauses.
EXTRA_SECONDS = 300

View = Callable[[HttpRequest, int], HttpResponseBase]


class Unsatisfiable(Exception):
    """A range that begins after the end of the file."""


def _report_unavailable(view: View) -> Callable[..., HttpResponseBase]:
    """Return 503 if the storage does not answer."""

    @wraps(view)
    def wrapper(request: HttpRequest, pk: int) -> HttpResponseBase:
        try:
            return view(request, pk)
        except ServiceUnavailable as exc:
            return HttpResponse(exc.message, status=503, content_type="text/plain; charset=utf-8")

    return wrapper


@databases.fresh_reads()
@require_safe
@login_required
@_report_unavailable
def play(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Return the audio, whole or one range of it; with ``?download``, which requires permission to
    download recordings, as an attachment.

    Returns 410 after the deletion of the recording.
    """
    recording = _get(request, pk)
    if "download" in request.GET and not has_perm(request.user, DOWNLOAD):
        raise PermissionDenied
    if recording.deletion_started:
        return HttpResponse(status=410)
    response = get_conditional_response(request, etag=_etag(recording)) or _deliver(
        request, recording
    )
    # With a 304 the browser plays the recording again, from its cache.
    if request.method == "GET" and response.status_code in (200, 206, 302, 304):
        log_playback(recording, user=request.user, download="download" in request.GET)
    if response.status_code != 302:
        response["ETag"] = _etag(recording)
    # The browser validates its copy each time: permissions and recordings may end.
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    databases.release_connections()  # the client may read slowly
    return response


@databases.fresh_reads()
@require_safe
@login_required
@_report_unavailable
def waveform_image(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the waveform as SVG, computed on the first request; a flat line if that fails."""
    recording = _get(request, pk)
    if recording.peaks is None and not recording.deletion_started:
        with _open(recording) as file:
            recording.peaks = waveform.peaks(file)
        Recording.objects.filter(pk=recording.pk, deletion_started=False).update(
            peaks=recording.peaks
        )
    drawing = waveform.svg(bytes(recording.peaks or b""))
    response = HttpResponse(drawing, content_type="image/svg+xml")
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@databases.fresh_reads()
@require_safe
@login_required
def player(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the player as a fragment of HTML, which the script inserts into a page."""
    recording = _get(request, pk)
    if recording.deletion_started:
        return HttpResponse(status=410)
    context = {"recording": recording, "may_download": has_perm(request.user, DOWNLOAD)}
    response = render(request, "ringotel_crm/player.html", context)
    response["Cache-Control"] = "private, no-cache"
    return response


def _get(request: HttpRequest, pk: int) -> Recording:
    recording = recordings_playable_by(request.user, request).filter(pk=pk).first()
    if recording is None:
        # Only users who may play every recording learn which ids exist.
        if not has_perm(request.user, "ringotel_crm.view_recording"):
            raise PermissionDenied
        raise Http404
    return recording


def _etag(recording: Recording) -> str:
    return f'"{recording.sha256}"'


def _open(recording: Recording) -> IO[bytes]:
    try:
        return recording_storage().open(str(recording.file.name))
    except FileNotFoundError as exc:
        logger.error("The file of recording %s is not in the storage.", recording.pk)
        raise Http404 from exc
    except Exception as exc:  # each storage has exceptions of its own
        logger.exception("The storage of recording %s does not answer.", recording.pk)
        raise ServiceUnavailable(_("The recording cannot be read now. Try again later.")) from exc


def _deliver(request: HttpRequest, recording: Recording) -> HttpResponseBase:
    """Return the bytes, or refer the browser or the web server to them."""
    storage, name = recording_storage(), str(recording.file.name)
    extension = name.rpartition(".")[2]
    filename = f"recording-{recording.pk}.{extension}"
    disposition = content_disposition_header("download" in request.GET, filename) or "inline"
    delivery = conf.RECORDING_DELIVERY
    if request.method == "GET" and delivery == Delivery.AUTO:
        url = signed_url(
            storage,
            name,
            seconds=round(recording.seconds or 3600) + EXTRA_SECONDS,
            content_type=recording.content_type,
            disposition=disposition,
        )
        if url:
            return HttpResponseRedirect(url)
    response: HttpResponseBase
    if delivery == Delivery.X_ACCEL_REDIRECT:
        url = conf.RECORDING_INTERNAL_URL + quote(name)
        response = HttpResponse(headers={"X-Accel-Redirect": url})
    elif delivery == Delivery.X_SENDFILE:
        response = HttpResponse(headers={"X-Sendfile": quote(storage.path(name))})
    else:
        response = _ranged(request, recording)
    response["Content-Type"] = recording.content_type
    response["Content-Disposition"] = disposition
    return response


def _ranged(request: HttpRequest, recording: Recording) -> HttpResponseBase:
    size = recording.size
    try:
        span = _requested_range(request, recording)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    first, last = span or (0, size - 1)
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        file = _open(recording)
        file.seek(first)
        response = _send(request, _FileSlice(file, last - first + 1))
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(last - first + 1)
    if span:
        response.status_code = 206
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _requested_range(request: HttpRequest, recording: Recording) -> tuple[int, int] | None:
    """Return the first and the last byte of the range, None for the whole file.

    A header that is not a single range is ignored (RFC 9110, section 14.2).
    """
    match = RANGE.fullmatch(request.headers.get("Range", "").strip())
    # If-Range requests the whole file if it has changed.
    is_current = request.headers.get("If-Range", _etag(recording)) == _etag(recording)
    if not match or request.method != "GET" or not is_current:
        return None
    first, last = match.groups()
    end = recording.size - 1
    if not first:
        if not last:
            return None
        if not int(last):
            raise Unsatisfiable
        return max(0, recording.size - int(last)), end
    if last and int(last) < int(first):
        return None
    if int(first) > end:
        raise Unsatisfiable
    return int(first), min(int(last), end) if last else end


class _FileSlice:
    """The next ``length`` bytes of a file."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self.file = file
        self.left = length

    def read(self, size: int) -> bytes:
        data = self.file.read(min(size, self.left))
        self.left -= len(data)
        return data

    def close(self) -> None:
        self.file.close()


def _send(request: HttpRequest, part: _FileSlice) -> HttpResponseBase:
    if isinstance(request, ASGIRequest):
        return StreamingHttpResponse(_chunks(part))
    response = FileResponse(part)
    response.block_size = CHUNK
    return response


async def _chunks(part: _FileSlice) -> AsyncIterator[bytes]:
    try:
        while chunk := await sync_to_async(part.read)(CHUNK):
            yield chunk
    finally:
        part.close()
