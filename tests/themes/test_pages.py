"""Each page is readable, has its title, and shows all of its buttons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringotel_crm.models import Activity
from tests.browser.conftest import Desk
from tests.browser.test_pages import (
    CALLS,
    MINICRM_PAGES,
    PAGES,
    SCREENS,
    fill,
    make_people,
    pages_of,
)

CONTACTS = "/admin/ringotel_minicrm/contact/"
# Texts of the title and of buttons and links.
EXPECTED: dict[str, list[str]] = {
    CALLS: ["Calls", "To call back", "Live calls", "Overview"],
    f"{CALLS}live/": ["Live calls"],
    f"{CALLS}overview/": ["Overview", "Today", "7 days", "Show"],
    f"{CALLS}caller-lookup/": ["Who is this number?", "Look up"],
    "/admin/ringotel_crm/apikey/": ["Connect to Ringotel"],
    "/admin/ringotel_crm/apikey/connect/": ["Connect to Ringotel", "Credential name"],
    "/admin/ringotel_crm/callback/": ["To call back", "Done"],
    "/admin/ringotel_crm/legalhold/add/": ["Add a legal hold", "Search"],
    CONTACTS: ["Contacts", "Duplicates", "Import", "Export"],
    f"{CONTACTS}import/": ["Import contacts"],
    f"{CONTACTS}export/": ["Export contacts"],
    f"{CONTACTS}duplicates/": ["Duplicates"],
    "/ringotel/pop/?caller=%2B442079460001": ["Incoming call", "Ada Example"],
}
# Texts and controls whose colour is almost that of what is behind them, in our own parts.
UNREADABLE = """() => {
    const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
    const context = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgb = (color) => {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
    };
    const background = (element) => {
        for (; element; element = element.parentElement) {
            const color = rgb(getComputedStyle(element).backgroundColor);
            if (color[3] > 127) return color;
        }
        return [255, 255, 255, 255];
    };
    const light = ([r, g, b]) => [r, g, b]
        .map((value) => value / 255)
        .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
    const parts = [".ringotel-card", ".ringotel-timeline", ".ringotel-page #content-main"];
    return parts.flatMap((part) => [...document.querySelectorAll(part + " *")])
        .filter((element) => element.checkVisibility() && !element.closest("svg, .visually-hidden"))
        .filter((element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
        .filter((element) => {
            const a = light(rgb(getComputedStyle(element).color)), b = light(background(element));
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 3;
        })
        .map((element) => element.outerHTML.slice(0, 120));
}"""


def is_shown(page: Any, text: str) -> bool:
    """Return whether the text, or the value of a button, is visible."""
    found = page.get_by_text(text).or_(page.locator(f"input[type=submit][value={text!r}]"))
    return any(one.is_visible() for one in found.all())


@pytest.mark.parametrize("screen", SCREENS, ids=["light-wide", "dark-narrow"])
def test_pages_have_title_buttons_and_readable_text(
    desks: Callable[..., Desk], screen: dict[str, Any]
) -> None:
    people = make_people()
    fill(people)
    call = Activity.objects.latest("pk")
    expected = {
        **{path: [] for path in [*PAGES, *MINICRM_PAGES, *pages_of(people)]},
        **EXPECTED,
        f"{CALLS}{call.pk}/change/": ["Assign to a contact", "Subject", "Save"],
        f"{CALLS}assign/?id={call.pk}&q=Ada": ["Assign to a contact", "Ada Example", "Search"],
        f"{CONTACTS}{people[1].pk}/change/": ["Timeline", "Follow up on", "Save", "History"],
    }
    desk = desks(**screen)
    faults = []
    for path, texts in expected.items():
        page = desk.open(path)
        assert page.title().strip(), path
        if screen["viewport"]["width"] > 1000:
            faults += [f"{path}: lacks {text}" for text in texts if not is_shown(page, text)]
        faults += [f"{path}: unreadable {html}" for html in page.evaluate(UNREADABLE)]
    desk.faults.clear()  # Jazzmin loads a font from another site
    assert not faults, "\n".join(faults)
