"""The databases of reads on sites with routers, and the checks of the routers."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections, router
from pytest_django import Settings

from ringotel_crm import databases
from ringotel_crm.checks import TAG
from ringotel_crm.models import Activity


class Router:
    """Routes by fixed aliases; ``users`` is the database of users and content types."""

    def __init__(self, read: str, write: str, users: str = "", relations: bool = True) -> None:
        self.read, self.write, self.users, self.relations = read, write, users, relations

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self.read

    def db_for_write(self, model: Any, **hints: Any) -> str:
        is_own = model._meta.app_label == "ringotel_crm"
        return self.write if is_own or not self.users else self.users

    def allow_relation(self, first: Any, second: Any, **hints: Any) -> bool:
        return self.relations


@pytest.fixture(autouse=True)
def _databases(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = connections.settings["primary" if "primary" in connections else "default"]
    for alias in ("writer", "reader", "users"):
        monkeypatch.setitem(connections.settings, alias, sample)
    monkeypatch.setitem(
        connections.settings, "empty", {**sample, "ENGINE": "django.db.backends.dummy"}
    )


def router_errors() -> list[str]:
    """Return the ids of the messages of the check, which must have hints."""
    found = [message for message in run_checks(tags=[TAG]) if "E05" in str(message.id)]
    assert all(message.hint for message in found)
    return [str(message.id).rpartition(".")[2] for message in found]


@pytest.mark.parametrize(
    ("router", "ids"),
    [
        (Router("reader", "writer"), []),
        (Router("writer", "writer"), []),
        (Router("reader", "empty"), ["E050"]),
        (Router("reader", "unknown"), ["E050"]),
        (Router("empty", "writer"), ["E050"]),
        (Router("reader", "writer", users="users"), ["E051"]),
        (Router("reader", "writer", relations=False), ["E052"]),
    ],
)
def test_routers_that_cannot_work_are_errors(
    settings: Settings, router: Router, ids: list[str]
) -> None:
    settings.DATABASE_ROUTERS = [router]
    assert router_errors() == ids


def test_empty_default_without_a_router_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_ROUTERS = []
    monkeypatch.setattr(connections["default"], "vendor", "unknown")
    assert router_errors() == ["E050"]


def test_reads_are_fresh_in_the_block_only(settings: Settings) -> None:
    settings.DATABASE_ROUTERS = [Router("reader", "writer")]
    databases.install_router()

    @databases.fresh_reads()
    def read() -> str:
        return router.db_for_read(Activity)

    assert read() == "writer"
    assert router.db_for_read(Activity) == "reader"
    with databases.fresh_reads():
        assert Activity.objects.all().db == "writer"
    assert databases.write_alias() == "writer"
