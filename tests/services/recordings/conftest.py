from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from django.contrib.auth.models import Permission, User
from django.core.files.storage import Storage
from django.test import Client
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from ringotel_crm.media import safe_fetch
from ringotel_crm.media.storage import recording_storage
from tests.api import Api
from tests.factories import make_user
from tests.media.audio_samples import sample
from tests.services.recordings.web import Web

UseStorage: TypeAlias = Callable[..., Storage]
FILES = "django.core.files.storage.FileSystemStorage"


def stored(folder: str = "") -> list[str]:
    """Every file in the storage."""
    storage = recording_storage()
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return []
    return [f"{folder}/{name}".lstrip("/") for name in files] + [
        path for name in folders for path in stored(f"{folder}/{name}".lstrip("/"))
    ]


def content(name: str) -> bytes:
    """What a file in the storage holds."""
    with recording_storage().open(name) as file:
        data: bytes = file.read()
        return data


@pytest.fixture
def use_storage(settings: Settings) -> UseStorage:
    """Chooses where recordings are kept."""

    def use(backend: str, **options: Any) -> Storage:
        chosen = {"BACKEND": backend, "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "ringotel_recordings": chosen}
        return recording_storage()

    return use


@pytest.fixture(scope="session")
def s3_server() -> Iterator[ThreadedMotoServer]:
    """A server of S3's protocol on this machine. It can be stopped, and started again on the same port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield server
    server.stop()


def s3_options(server: ThreadedMotoServer, bucket: str) -> dict[str, Any]:
    """As a site would have them, but for the impatience."""
    host, port = server.get_host_and_port()
    return {
        "access_key": "test",
        "secret_key": "test",
        "bucket_name": bucket,
        "endpoint_url": f"http://{host}:{port}",
        "region_name": "eu-west-1",
        "max_memory_size": 1024 * 1024,
        "client_config": Config(
            connect_timeout=1,
            read_timeout=1,
            retries={"total_max_attempts": 1},
            signature_version="s3v4",
            s3={"addressing_style": "path"},
        ),
    }


@pytest.fixture
def s3(s3_server: ThreadedMotoServer, use_storage: UseStorage) -> Storage:
    """A new bucket."""
    options = s3_options(s3_server, f"recordings-{uuid4().hex}")
    client = boto3.client(
        "s3",
        endpoint_url=options["endpoint_url"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="eu-west-1",
    )
    client.create_bucket(
        Bucket=options["bucket_name"], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    client.close()
    return use_storage("storages.backends.s3.S3Storage", **options)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Where somebody takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(params=["files", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    """Both kinds of storage, one after the other."""
    return request.getfixturevalue("s3") if request.param == "s3" else recording_storage()


@pytest.fixture
def call(api: Api) -> str:
    """The id of a call that is over; una took it."""
    user = make_user("una", extension="200")
    id = api.id(
        "CreateActivity",
        {
            "call_id": "c-1",
            "activity_type": "inbound",
            "caller_number": "+442079460001",
            "user_id": str(user.pk),
        },
    )
    api.ok("StopCallActivity", {"id": id, "call_duration": 60, "call_cause": "16"})
    return id


@pytest.fixture
def recording_id(api: Api, call: str) -> int:
    """A recording of that call."""
    response = api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", query=f"id={call}")
    return int(response.json()["recording_url"].rstrip("/").rpartition("/")[2])


def browser(user: User) -> Client:
    """A browser in which this user is logged in."""
    client = Client()
    client.force_login(user)
    return client


def permit(user: User, *codenames: str) -> User:
    """Give these permissions of the app."""
    user.user_permissions.add(
        *Permission.objects.filter(content_type__app_label="ringotel_crm", codename__in=codenames)
    )
    return User.objects.get(pk=user.pk)


@pytest.fixture
def listener(db: None) -> Client:
    """A browser of somebody who may hear everything."""
    return browser(permit(make_user("lena"), "view_recording"))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What DNS says. This machine itself counts as public, so that there is something to fetch from."""
    known: dict[str, list[str]] = {}
    ask = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in known:
            return ask(host, port, *args, **kwargs)
        return [answer for address in known[host] for answer in ask(address, port, *args, **kwargs)]

    public = safe_fetch.is_public
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(
        safe_fetch, "is_public", lambda address: address == "127.0.0.1" or public(address)
    )
    return known


@pytest.fixture
def web(names: dict[str, list[str]]) -> Iterator[Web]:
    """A web server out there."""
    server = Web()
    names[server.name] = ["127.0.0.1"]
    yield server
    server.stop()
