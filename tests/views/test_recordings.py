from __future__ import annotations

import datetime as dt
import hashlib
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, User
from django.core.checks import run_checks
from django.core.files.storage import FileSystemStorage
from django.core.handlers.asgi import ASGIRequest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm import checks
from ringotel_crm.minicrm.backend import MiniCRMBackend
from ringotel_crm.models import Activity, AuditEntry, Recording
from ringotel_crm.services.recordings.store import delete_recording
from ringotel_crm.views.recordings import play
from tests.api import Api
from tests.factories import make_user
from tests.fixtures.recordings import UseStorage, browser, permit
from tests.media.audio_samples import SOUND, sample

pytestmark = pytest.mark.django_db

SOUND_BYTES = sample("pcm.wav")
SIZE = len(SOUND_BYTES)
ETAG = f'"{hashlib.sha256(SOUND_BYTES).hexdigest()}"'


def url(recording_id: int, query: str = "") -> str:
    return f"/ringotel/recordings/{recording_id}/{query}"


def body(response: Any) -> bytes:
    """The whole content. A response that is not read leaves its file open."""
    data: bytes = b"".join(response) if response.streaming else response.content
    return data


class SessionBackend(MiniCRMBackend):
    """Reads the tenant from a header, as other sites from the session or a token."""

    @cached_property
    def tenant(self) -> str:
        return str(self.actor.request.headers.get("X-Tenant", "")) if self.actor.request else ""


# Permissions


def una(*codenames: str) -> User:
    return permit(User.objects.get(username="una"), *codenames)


def in_group(username: str, group: str, *codenames: str) -> User:
    user = permit(make_user(username), *codenames)
    for member in (user, User.objects.get(username="una")):
        member.groups.add(Group.objects.get_or_create(name=group)[0])
    return User.objects.get(pk=user.pk)


def test_tenant_of_the_request_restricts_recordings(
    client: Client, recording_id: int, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.SessionBackend"}
    Activity.objects.update(tenant="north")
    client.force_login(una("view_recording"))

    assert body(client.get(url(recording_id), headers={"X-Tenant": "north"})) == SOUND_BYTES
    assert client.get(url(recording_id), headers={"X-Tenant": "south"}).status_code == 404


@pytest.mark.parametrize(
    ("make_user_of_case", "status"),
    [
        (lambda: una("listen_own_recording"), 200),
        (lambda: una("listen_team_recording"), 200),
        (lambda: una("view_recording"), 200),
        (lambda: una(), 403),
        (lambda: permit(make_user("vera"), "listen_own_recording"), 403),
        (lambda: permit(make_user("vera"), "listen_team_recording"), 403),
        (lambda: permit(make_user("vera"), "view_recording"), 200),
        (lambda: permit(make_user("vera"), "view_activity", "use_api", "delete_recording"), 403),
        (lambda: in_group("vera", "sales", "listen_team_recording"), 200),
        (lambda: in_group("vera", "sales", "listen_own_recording"), 403),
        (lambda: in_group("vera", "sales"), 403),
        (lambda: make_user("root", is_superuser=True), 200),
        (lambda: make_user("staff", is_staff=True), 403),
    ],
)
def test_playback_needs_a_permission(
    recording_id: int, make_user_of_case: Any, status: int
) -> None:
    client = browser(make_user_of_case())
    response = client.get(url(recording_id))
    assert (response.status_code, body(response) == SOUND_BYTES) == (status, status == 200)
    assert client.head(url(recording_id)).status_code == status
    assert client.get(f"{url(recording_id)}waveform.svg").status_code == status
    assert AuditEntry.objects.exists() is (status == 200)


def test_anonymous_users_and_keys_are_redirected_to_the_login(recording_id: int, api: Api) -> None:
    for client in (Client(), api.client):
        response = client.get(url(recording_id))
        assert response.status_code == 302
        assert "login" in response["Location"]


@pytest.mark.parametrize("offset", [1, 10**30])
def test_missing_id_is_reported_only_to_users_who_may_play_all(
    recording_id: int, listener: Client, offset: int
) -> None:
    assert listener.get(url(recording_id + offset)).status_code == 404
    assert browser(una("listen_own_recording")).get(url(recording_id + offset)).status_code == 403


def test_recording_of_an_unassigned_call_is_nobodys_own(recording_id: int) -> None:
    client = browser(una("listen_own_recording", "listen_team_recording"))
    Activity.objects.update(agent_id="")
    assert client.get(url(recording_id)).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_other_methods_are_not_allowed(recording_id: int, listener: Client, method: str) -> None:
    assert getattr(listener, method)(url(recording_id)).status_code == 405


# Responses


@pytest.mark.parametrize("name", SOUND)
def test_whole_file_is_sent(api: Api, call: str, listener: Client, name: str) -> None:
    response = api.send("UpdateCallRecording", sample(name), "audio/x-any", query=f"id={call}")
    response = listener.get(response.json()["recording_url"].removeprefix("http://testserver"))
    assert response.status_code == 200
    assert body(response) == sample(name)
    pk = Recording.objects.get().pk
    content_type, extension, _codec = SOUND[name]
    assert {
        key: response[key]
        for key in ("Content-Type", "Content-Length", "Content-Disposition", "Accept-Ranges")
    } == {
        "Content-Type": content_type,
        "Content-Length": str(len(sample(name))),
        "Content-Disposition": f'inline; filename="recording-{pk}{extension}"',
        "Accept-Ranges": "bytes",
    }
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, no-cache"
    assert response["ETag"] == f'"{hashlib.sha256(sample(name)).hexdigest()}"'


def test_download_requires_its_permission(recording_id: int) -> None:
    client = browser(una("listen_own_recording"))

    assert client.get(url(recording_id, "?download")).status_code == 403
    assert body(client.get(url(recording_id)))
    assert "Download" not in client.get(url(recording_id, "player/")).content.decode()


def test_player_has_download_link_with_permission(recording_id: int, listener: Client) -> None:
    page = listener.get(url(recording_id, "player/"))

    assert f'href="{url(recording_id, "?download")}"' in page.content.decode()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("method", ["post", "delete"])
def test_player_only_answers_reading(recording_id: int, listener: Client, method: str) -> None:
    assert getattr(listener, method)(url(recording_id, "player/")).status_code == 405


def test_player_requires_permission_to_listen(recording_id: int) -> None:
    client = browser(make_user("vera"))

    assert client.get(url(recording_id, "player/")).status_code == 403


def test_player_of_deleted_recording_is_gone(recording_id: int, listener: Client) -> None:
    Recording.objects.update(deletion_started=True)

    assert listener.get(url(recording_id, "player/")).status_code == 410


def test_download_is_an_attachment(recording_id: int, listener: Client) -> None:
    response = listener.get(url(recording_id, "?download"))
    assert response["Content-Disposition"] == f'attachment; filename="recording-{recording_id}.wav"'
    assert body(response) == SOUND_BYTES


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1"}, {"Range": "bytes=99999-"}])
def test_head_ignores_ranges(recording_id: int, listener: Client, headers: dict[str, str]) -> None:
    """Ranges are for GET only (RFC 9110, section 14.2)."""
    response = listener.head(url(recording_id), headers=headers)
    assert (response.status_code, response.content) == (200, b"")
    assert (response["Content-Length"], response["ETag"], response["Accept-Ranges"]) == (
        str(SIZE),
        ETAG,
        "bytes",
    )
    assert response["Content-Type"] == "audio/wav"


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-1", 0, 1),  # Safari, to check that ranges are supported
        ("bytes=0-", 0, SIZE - 1),  # Chromium and Firefox, first
        (f"bytes=0-{SIZE - 1}", 0, SIZE - 1),  # Safari, then
        ("bytes=1000-", 1000, SIZE - 1),  # each of them, to seek
        ("bytes=32-1023", 32, 1023),  # VLC
        ("bytes=-128", SIZE - 128, SIZE - 1),  # players that read ID3v1 tags
        ("bytes=-99999", 0, SIZE - 1),
        ("bytes=0-0", 0, 0),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        (f"bytes=100-{10**40}", 100, SIZE - 1),
        ("bytes = 5-6", 5, 6),
        (" bytes=5-6 ", 5, 6),
    ],
)
def test_range_is_sent(
    recording_id: int, listener: Client, header: str, first: int, last: int
) -> None:
    response = listener.get(url(recording_id), headers={"Range": header})
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert response["Content-Length"] == str(last - first + 1)
    assert response["Content-Type"] == "audio/wav"
    assert response["ETag"] == ETAG
    assert body(response) == SOUND_BYTES[first : last + 1]


@pytest.mark.parametrize(
    "header", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", f"bytes={10**40}-", "bytes=-0"]
)
def test_range_after_the_end_is_not_satisfiable(
    recording_id: int, listener: Client, header: str
) -> None:
    response = listener.get(url(recording_id), headers={"Range": header})
    assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert body(response) == b""
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=0-1,5-6",
        "bytes=-1-5",
        "items=0-1",
        "bytes=٠-١",
        "bytes=0x0-1",
    ],
)
def test_header_that_is_not_one_range_is_ignored(
    recording_id: int, listener: Client, header: str
) -> None:
    response = listener.get(url(recording_id), headers={"Range": header})
    assert response.status_code == 200
    assert "Content-Range" not in response
    assert body(response) == SOUND_BYTES


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f'W/{ETAG}, "x"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-None-Match": ETAG, "Range": "bytes=0-1"}, 304),
        ({"If-Match": ETAG}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Range": ETAG, "Range": "bytes=0-1"}, 206),
        ({"If-Range": '"x"', "Range": "bytes=0-1"}, 200),
        ({"If-Range": f"W/{ETAG}", "Range": "bytes=0-1"}, 200),
        ({"If-Range": "Sun, 22 Nov 2026 18:00:00 GMT", "Range": "bytes=0-1"}, 200),
        ({"If-Range": '"x"', "Range": "bytes=99999-"}, 200),
        ({"If-Range": ETAG}, 200),
    ],
)
def test_conditional_requests(
    recording_id: int, listener: Client, headers: dict[str, str], status: int
) -> None:
    response = listener.get(url(recording_id), headers=headers)
    assert response.status_code == status
    assert len(body(response)) == {200: SIZE, 206: 2}.get(status, 0)
    if status != 412:
        assert response["ETag"] == ETAG


def test_deleted_recording_answers_410(recording_id: int, listener: Client) -> None:
    delete_recording(Recording.objects.get())
    for response in (listener.get(url(recording_id)), listener.head(url(recording_id))):
        assert (response.status_code, body(response)) == (410, b"")
    assert listener.get(f"{url(recording_id)}waveform.svg").status_code == 200


def test_missing_file_answers_404(
    recording_id: int, listener: Client, caplog: pytest.LogCaptureFixture
) -> None:
    Path(Recording.objects.get().file.path).unlink()
    assert listener.get(url(recording_id)).status_code == 404
    assert listener.get(f"{url(recording_id)}waveform.svg").status_code == 404
    assert "is not in the storage" in caplog.text


class Down(FileSystemStorage):
    def open(self, name: str, mode: str = "rb") -> Any:
        raise ConnectionError("The storage is down.")


@pytest.mark.parametrize("what", ["", "waveform.svg"])
def test_failing_storage_answers_503(
    recording_id: int, listener: Client, use_storage: UseStorage, what: str
) -> None:
    use_storage(f"{__name__}.Down")
    response = listener.get(url(recording_id, what))
    assert (response.status_code, "again later" in response.content.decode()) == (503, True)
    assert Recording.objects.get().peaks is None
    assert not AuditEntry.objects.exists()


def test_asgi_response_is_streamed(recording_id: int) -> None:
    tenant = {
        "type": "http",
        "method": "GET",
        "path": url(recording_id),
        "headers": [(b"range", b"bytes=100-")],
    }
    request = ASGIRequest(tenant, BytesIO())
    request.user = make_user("root", is_superuser=True)

    async def collect() -> bytes:
        return b"".join([chunk async for chunk in response])

    response: Any = play(request, recording_id)
    assert response.is_async
    assert async_to_sync(collect)() == SOUND_BYTES[100:]


# Delivery


def test_nginx_delivers_by_x_accel_redirect(
    recording_id: int, listener: Client, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {
        "RECORDING_DELIVERY": "x_accel_redirect",
        "RECORDING_INTERNAL_URL": "/inside/",
    }
    response = listener.get(url(recording_id), headers={"Range": "bytes=0-1"})
    assert (response.status_code, response.content) == (200, b"")
    assert response["X-Accel-Redirect"] == f"/inside/{Recording.objects.get().file.name}"
    assert response["Content-Type"] == "audio/wav"
    assert response["Content-Disposition"].startswith("inline; filename=")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert AuditEntry.objects.count() == 1


def test_apache_delivers_by_x_sendfile(
    recording_id: int, listener: Client, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"RECORDING_DELIVERY": "x_sendfile"}
    response = listener.get(url(recording_id))
    assert response.content == b""
    assert response["X-Sendfile"] == Recording.objects.get().file.path


def test_s3_delivers_by_signed_url(s3: Any, recording_id: int, listener: Client) -> None:
    response = listener.get(url(recording_id, "?download"))
    assert response.status_code == 302
    assert "ETag" not in response
    query = parse_qs(urlsplit(response["Location"]).query)
    assert int(query["X-Amz-Expires"][0]) == 300
    file = requests.get(response["Location"], headers={"Range": "bytes=10-19"}, timeout=5)
    assert (file.status_code, file.content) == (206, SOUND_BYTES[10:20])
    assert file.headers["Content-Type"] == "audio/wav"
    assert (
        file.headers["Content-Disposition"]
        == f'attachment; filename="recording-{recording_id}.wav"'
    )
    assert AuditEntry.objects.get().action == "downloaded"


def test_head_is_answered_by_django(s3: Any, recording_id: int, listener: Client) -> None:
    """A signed URL is valid for one method."""
    response = listener.head(url(recording_id))
    assert (response.status_code, response["Content-Length"]) == (200, str(SIZE))


def test_django_delivers_from_s3_without_signed_urls(
    s3: Any, recording_id: int, listener: Client, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"RECORDING_DELIVERY": "django"}
    response = listener.get(url(recording_id), headers={"Range": "bytes=-10"})
    assert (response.status_code, body(response)) == (206, SOUND_BYTES[-10:])
    settings.RINGOTEL_CRM = {}
    s3.querystring_auth = False
    assert body(listener.get(url(recording_id))) == SOUND_BYTES


def check_ids() -> list[str | None]:
    messages = run_checks(tags=[checks.TAG], include_deployment_checks=True)
    return [message.id for message in messages if (message.id or "").endswith("010")]


def test_checks_report_settings_that_do_not_fit_s3(s3: Any, settings: Settings) -> None:
    assert check_ids() == []
    s3.max_memory_size = 0
    settings.RINGOTEL_CRM = {"RECORDING_DELIVERY": "x_sendfile"}
    assert check_ids() == ["ringotel_crm.E010", "ringotel_crm.W010"]


# Audit log


def entries() -> list[tuple[str, str, str]]:
    return [
        (entry.action, entry.object_id, entry.user_name)
        for entry in AuditEntry.objects.order_by("pk")
    ]


def test_requests_of_one_play_are_one_entry(recording_id: int, listener: Client) -> None:
    for header in ("bytes=0-1", "bytes=0-", "bytes=1000-", "bytes=500-"):
        body(listener.get(url(recording_id), headers={"Range": header}))
    assert entries() == [("listened", str(recording_id), "lena")]
    AuditEntry.objects.update(at=timezone.now() - dt.timedelta(minutes=31))
    body(listener.get(url(recording_id), headers={"Range": "bytes=1000-"}))
    body(listener.get(url(recording_id, "?download")))
    body(browser(una("listen_own_recording")).get(url(recording_id)))
    assert entries() == [
        ("listened", str(recording_id), "lena"),
        ("listened", str(recording_id), "lena"),
        ("downloaded", str(recording_id), "lena"),
        ("listened", str(recording_id), "una"),
    ]


@pytest.mark.parametrize("header", ["bytes=1-", "bytes=1000-1001", "bytes=-10", "bytes=0-1,5-6"])
def test_every_range_is_logged(recording_id: int, listener: Client, header: str) -> None:
    assert body(listener.get(url(recording_id), headers={"Range": header}))
    assert entries() == [("listened", str(recording_id), "lena")]


def test_playing_from_the_browser_cache_is_logged(recording_id: int, listener: Client) -> None:
    """The request of Chromium when it plays a recording again."""
    body(listener.get(url(recording_id), headers={"Range": "bytes=0-"}))
    AuditEntry.objects.update(at=timezone.now() - dt.timedelta(days=1))
    header = {"Range": f"bytes=0-{len(SOUND_BYTES) - 1}", "If-None-Match": ETAG}
    assert listener.get(url(recording_id), headers=header).status_code == 304
    assert entries() == [("listened", str(recording_id), "lena")] * 2


def test_head_and_waveform_are_not_logged(recording_id: int, listener: Client) -> None:
    listener.head(url(recording_id))
    listener.get(f"{url(recording_id)}waveform.svg")
    assert entries() == []
