"""A real Chromium. Without playwright and a browser these tests are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

ARGUMENTS = [
    *(
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
    ),
    *("--disable-sync", "--no-first-run"),
]
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, as playwright brings it or as the system has it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    # Playwright's loop lives in the thread of the tests, where Django then fears to be called from a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = (
            own if Path(own).exists() else shutil.which("chromium") or shutil.which("google-chrome")
        )
        if not path:
            pytest.skip("There is no Chromium.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm; "" where there is none."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm:
        fetched = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "axe-core@4"],
            cwd=folder,
            capture_output=True,
            timeout=120,
        )
        if fetched.returncode == 0:
            return (folder / "node_modules/axe-core/axe.min.js").read_text()
    return ""


class Desk:
    """A person at a browser. Whatever goes wrong in a page, or leads out of the site, is remembered."""

    def __init__(self, browser: Any, base_url: str, **options: Any) -> None:
        self.base_url = base_url
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.faults: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._watch)
        self.page.on("response", self._judge)

    def _hear(self, message: Any) -> None:
        if message.type == "error" and "favicon" not in str(message.location):
            self.faults.append(message.text)

    def _watch(self, request: Any) -> None:
        if urlsplit(request.url).scheme in ("http", "https") and not request.url.startswith(
            self.base_url
        ):
            self.faults.append(f"asked for {request.url}")

    def _judge(self, response: Any) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status} {response.url}")

    def sign_in(self, user: User) -> Desk:
        """As this user."""
        client = Client()
        client.force_login(user)
        cookie = {
            "name": "sessionid",
            "value": client.cookies["sessionid"].value,
            "url": self.base_url,
        }
        self.context.add_cookies([cookie])
        return self

    def open(self, path: str) -> Any:
        """The page, which has to be a good one, narrow enough and clean."""
        response = self.page.goto(self.base_url + path)
        assert response.status == 200, (path, response.status)
        self.page.wait_for_load_state("load")
        return self.page

    def close(self) -> None:
        """Nothing may have gone wrong."""
        self.context.close()
        assert self.faults == []


@pytest.fixture
def boss(db: None) -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser("boss", "boss@example.com", "secret")


@pytest.fixture
def desk(browser: Any, live_server: Any, boss: User) -> Iterator[Desk]:
    """The boss at a wide screen."""
    desk = Desk(browser, live_server.url).sign_in(boss)
    yield desk
    desk.close()


@pytest.fixture
def desks(browser: Any, live_server: Any, boss: User) -> Iterator[Callable[..., Desk]]:
    """More of them."""
    made: list[Desk] = []

    def make(user: User = boss, **options: Any) -> Desk:
        made.append(Desk(browser, live_server.url, **options).sign_in(user))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
