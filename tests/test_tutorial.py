"""The tutorial works as it is written."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs/tutorial.rst"

COUNT = """
from ringotel_crm.models import Activity, Recording

print(Activity.objects.count(), Recording.objects.exists())
print(Activity.objects.filter(contact_name="Nora Notreal").exists())
"""


class Reader:
    """A newcomer who follows the tutorial in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        self.servers: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **os.environ,
            "DJANGO_SUPERUSER_EMAIL": "root@example.com",
            "DJANGO_SUPERUSER_PASSWORD": "a long password",
            "DJANGO_SUPERUSER_USERNAME": "root",
            "PYTHONPATH": str(ROOT),
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        # Instead of a virtual environment of its own, that of the tests.
        programs = folder / ".venv/bin"
        programs.mkdir(parents=True)
        for name, module in {"python": "", "django-admin": "-m django"}.items():
            script = programs / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
            script.chmod(0o755)

    def write(self, text: str, content: str) -> None:
        """Follow a paragraph about a file."""
        path = self.folder / re.findall("``([^`]+)``", text)[0]
        previous = path.read_text() if "to the end" in text else ""
        path.write_text(previous + content)

    def run(self, command: str) -> None:
        """Run a command. A server keeps running."""
        command = command.replace("8000", self.port)
        if "createsuperuser" in command:
            command += " --noinput"
        arguments = shlex.split(command)
        if "runserver" in command:
            arguments += ["--noreload", f"127.0.0.1:{self.port}"]
            server = subprocess.Popen(arguments, cwd=self.folder, env=self.environment)
            self.servers.append(server)
            self.wait_for_server()
            return
        subprocess.run(arguments, cwd=self.folder, env=self.environment, check=True, timeout=120)

    def wait_for_server(self) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                requests.get(f"http://127.0.0.1:{self.port}/admin/login/", timeout=10)
            except requests.ConnectionError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    for server in reader.servers:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=10)


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the paragraph before each code block, its language, and the block."""
    before = language = block = ""
    for paragraph in [*text.split("\n\n"), "end"]:
        if paragraph.startswith("    "):
            block += textwrap.dedent(paragraph).rstrip("\n") + "\n"
            continue
        if block:
            yield before, language, block
            block = ""
        if paragraph.startswith(".. code-block:: "):
            language = paragraph.removeprefix(".. code-block:: ")
        else:
            before = paragraph


def commands(block: str) -> list[str]:
    """Return the commands of a console block. A backslash continues a line."""
    return [line[2:] for line in block.replace("\\\n", " ").splitlines() if line.startswith("$ ")]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="The tutorial is written for a POSIX shell.")
def test_tutorial_leads_to_calls_with_recordings(reader: Reader) -> None:
    text = TUTORIAL.read_text(encoding="utf-8").partition("5. Connect Ringotel")[0]
    for paragraph, language, block in blocks(text):
        if language == "console":
            for command in commands(block):
                if not command.startswith(("python3 -m venv", ".venv/bin/pip")):
                    reader.run(command)
        else:
            reader.write(paragraph, block)
    shown = subprocess.run(
        [
            ".venv/bin/python",
            "manage.py",
            "shell",
            "--verbosity=0",
            "--command",
            COUNT,
        ],
        cwd=reader.folder,
        env=reader.environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert shown.split() == ["20", "True", "True"]
