"""Fixtures for tests with Chromium. They are skipped without Playwright or a browser."""

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
    """Chromium, either Playwright's own or the system's."""
    sync_api = pytest.importorskip("playwright.sync_api")
    # Playwright runs its event loop in the thread of the tests, where Django then refuses queries.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = (
            own if Path(own).exists() else shutil.which("chromium") or shutil.which("google-chrome")
        )
        if not path:
            pytest.skip("Chromium is not installed.")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from npm; "" if it cannot be installed."""
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
    """A browser of a logged-in user. Collects page errors and requests to other sites as faults."""

    def __init__(self, browser: Any, base_url: str, **options: Any) -> None:
        self.base_url = base_url
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.faults: list[str] = []
        self.page.on("console", self._collect_message)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._collect_request)
        self.page.on("response", self._collect_response)

    def _collect_message(self, message: Any) -> None:
        if message.type == "error" and "favicon" not in str(message.location):
            self.faults.append(message.text)

    def _collect_request(self, request: Any) -> None:
        if urlsplit(request.url).scheme in ("http", "https") and not request.url.startswith(
            self.base_url
        ):
            self.faults.append(f"requested {request.url}")

    def _collect_response(self, response: Any) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status} {response.url}")

    def sign_in(self, user: User) -> Desk:
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
        """Open the page and expect status 200."""
        response = self.page.goto(self.base_url + path)
        assert response.status == 200, (path, response.status)
        self.page.wait_for_load_state("load")
        return self.page

    def close(self) -> None:
        """Close the browser and expect no faults."""
        self.context.close()
        assert self.faults == []


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", "boss@example.com", "secret")


@pytest.fixture
def desk(browser: Any, live_server: Any, boss: User) -> Iterator[Desk]:
    """A wide browser window of a superuser."""
    desk = Desk(browser, live_server.url).sign_in(boss)
    yield desk
    desk.close()


@pytest.fixture
def desks(browser: Any, live_server: Any, boss: User) -> Iterator[Callable[..., Desk]]:
    """Opens further browsers, by default of the superuser."""
    made: list[Desk] = []

    def make(user: User = boss, **options: Any) -> Desk:
        made.append(Desk(browser, live_server.url, **options).sign_in(user))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
