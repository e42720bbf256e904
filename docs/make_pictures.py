"""Make the pictures of the documentation from the demo: ``python docs/make_pictures.py``.

Requires the extra "browser" and Chromium.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs/pictures"
# Seconds until the demo has played yesterday's calls and prints its logins, at most.
MAX_START = 300
# Seconds until the administrator's phone rings, at most.
MAX_RING = 300
# Seconds until new calls are live.
WARM_UP = 30
LOGIN = re.compile(r"(http://\S+/admin/)\s+login: (\S+)\s+password: (\S+)")
SIZE = {"width": 1280, "height": 800}
# The name of each picture, its page, and the link on it that leads to the page to show.
PAGES = {
    "ring": ("ringotel_crm/activity/", ""),
    "desk": ("", ""),
    "calls": ("ringotel_crm/activity/", ""),
    "call": ("ringotel_crm/activity/?unassigned=no", "#result_list .field-start_time a"),
    "live": ("ringotel_crm/activity/live/", ""),
    "overview": ("ringotel_crm/activity/overview/", ""),
    "contact": ("ringotel_crm/activity/?unassigned=no", "#result_list .field-contact_link a"),
    "connect": ("ringotel_crm/apikey/connect/", ""),
}


@contextmanager
def demo() -> Iterator[tuple[str, str, str]]:
    """Run the demo, and yield the address of its admin, the administrator's login and password."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "manage.py", "demo", "--rate", "0.3"]
        environment = {**os.environ, "DEMO_DIR": folder, "PYTHONUNBUFFERED": "1"}
        output = Path(folder) / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file)
        try:
            end = time.monotonic() + MAX_START
            while not (found := LOGIN.search(output.read_text(encoding="utf-8"))):
                if process.poll() is not None or time.monotonic() > end:
                    sys.exit(f"The demo did not start:\n{output.read_text(encoding='utf-8')}")
                time.sleep(1)
            time.sleep(WARM_UP)
            yield found[1], found[2], found[3]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def log_in(page: Page, address: str, login: str, password: str) -> None:
    """Log in to the admin."""
    page.goto(address)
    page.fill("#id_username", login)
    page.fill("#id_password", password)
    page.click("[type=submit]")


def hide_calls(page: Page) -> None:
    """Hide the calls of the user's own phone."""
    page.wait_for_timeout(1000)
    while (button := page.locator(".ringotel-ring-dismiss:visible")).count():
        button.first.click()
        page.wait_for_timeout(300)


def main() -> None:
    """Make each picture in light and dark."""
    PICTURES.mkdir(exist_ok=True)
    with demo() as (address, login, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport=SIZE, color_scheme=scheme, locale="en-GB", timezone_id="Europe/Dublin"
            )
            page = context.new_page()
            log_in(page, address, login, password)
            for name, (path, link) in PAGES.items():
                page.goto(address + path)
                if link:
                    page.locator(link).first.click()
                page.wait_for_load_state("networkidle")
                if name == "ring":
                    page.wait_for_selector(".ringotel-ring", timeout=MAX_RING * 1000)
                else:
                    hide_calls(page)
                page.screenshot(path=PICTURES / f"{name}-{scheme}.png")


if __name__ == "__main__":
    main()
