"""Rules that import-linter and ruff cannot check."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from pytest_django import Settings

import ringotel_crm

PACKAGE = Path(ringotel_crm.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
CHECK_LEVELS = {"Debug", "Info", "Warning", "Error", "Critical"}


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def check_messages() -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Yield file, line and keyword arguments of each system check message."""
    for module in MODULES:
        tree = ast.parse(module.read_bytes())
        names = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "django.core.checks"
            for alias in node.names
        }
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in CHECK_LEVELS & names:
                    pass
                case ast.Call(func=ast.Attribute(value=ast.Name(id="checks"), attr=name)) if (
                    name in CHECK_LEVELS
                ):
                    pass
                case _:
                    continue
            yield (
                f"{name_of(module)}:{node.lineno}",
                {k.arg: k.value for k in node.keywords if k.arg},
            )


def test_check_ids_are_unique_and_messages_have_hints() -> None:
    messages = list(check_messages())
    ids = [ast.literal_eval(keywords["id"]) for _, keywords in messages]

    assert ids
    assert sorted(ids) == sorted(set(ids))
    assert [place for place, keywords in messages if "hint" not in keywords] == []


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.parent.name != "migrations"], ids=name_of
)
def test_module_has_fewer_than_500_lines(module: Path) -> None:
    assert len(module.read_bytes().splitlines()) < 500


def unnamed_databases(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that use a database without naming it."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call.func for call in calls if any(key.arg == "using" for key in call.keywords)]
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="django.db", names=names):
                if any(alias.name == "connection" for alias in names):
                    yield node.lineno
            case ast.Attribute(value=ast.Name(id="transaction")) if node not in named:
                yield node.lineno


def test_every_use_of_a_database_names_it() -> None:
    places = [
        f"{name_of(module)}:{line}"
        for module in MODULES
        for line in unnamed_databases(ast.parse(module.read_bytes()))
    ]
    assert places == []


def test_migrations_have_descriptive_names() -> None:
    migrations = {name_of(module) for module in MODULES if module.parent.name == "migrations"}

    assert "migrations/0001_initial.py" in migrations
    assert [name for name in migrations if "_auto_" in name] == []


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True)


@pytest.mark.django_db
def test_standalone_site_passes_the_system_checks(settings: Settings, tmp_path: Path) -> None:
    recordings = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "recordings"},
    }
    settings.STORAGES = {**settings.STORAGES, "ringotel_recordings": recordings}

    assert run_checks(databases=["default"]) == []


def test_changelog_contains_this_version() -> None:
    changelog = (PACKAGE.parent / "CHANGELOG.rst").read_text()

    assert f"\n{ringotel_crm.__version__} (" in changelog
