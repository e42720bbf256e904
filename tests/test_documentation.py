"""The documentation matches the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps

import ringotel_crm
from ringotel_crm.conf import AppSettings

PACKAGE = Path(ringotel_crm.__file__).parent
DOCS = PACKAGE.parent / "docs"
COMMANDS = {path.stem for path in PACKAGE.rglob("management/commands/ringotel_*.py")}
# Folders without modules of their own, and modules that every package or app has.
NOT_LISTED = {"migrations", "locale", "static", "templates"}


def modules() -> set[str]:
    """Return the modules of the package, such as "services/locks"."""
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return {
        path.as_posix()
        for path in paths
        if path.name != "__init__" and NOT_LISTED.isdisjoint(path.parts)
    }


def documented_modules() -> set[str]:
    """Return the modules that docs/architecture.rst lists below the headings of the packages."""
    found, package = set(), ""
    for line in (DOCS / "architecture.rst").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"``([\w/]+)/``", line):
            package = heading[1] + "/"
        elif line == "Modules of the package":
            package = ""
        elif field := re.match(r":(\w+): ", line):
            found.add(package + field[1])
    return found


def test_architecture_page_lists_every_module() -> None:
    assert documented_modules() == modules()


def test_settings_page_documents_every_setting() -> None:
    text = (DOCS / "settings.rst").read_text(encoding="utf-8")

    assert sorted(re.findall(r"^``([A-Z_]+)``\n-+$", text, re.MULTILINE)) == AppSettings.names()


@pytest.mark.parametrize("name", AppSettings.names())
def test_setting_has_type_default_and_example(name: str) -> None:
    text = (DOCS / "settings.rst").read_text(encoding="utf-8")
    section = text.partition(f"``{name}``\n---")[2].partition(".. setting::")[0]

    assert re.search(r"^\| Type: .*``\w+``", section, re.MULTILINE)
    assert f'RINGOTEL_CRM = {{"{name}":' in section
    default = re.search(r"^\| Default: .*?``([^`]+)``( |$)", section, re.MULTILINE)
    assert default
    if name != "RINGOTEL_API_KEY":  # that of an environment variable
        assert ast.literal_eval(default[1]) == vars(AppSettings)[name].default


def test_privacy_page_names_every_table() -> None:
    text = (DOCS / "privacy.rst").read_text(encoding="utf-8")
    tables = {
        model._meta.db_table
        for label in ("ringotel_crm", "ringotel_minicrm")
        for model in apps.get_app_config(label).get_models()
    }

    assert set(re.findall(r"``(ringotel_(?:crm|minicrm)_[a-z]+)``", text)) >= tables


def test_commands_page_documents_every_command() -> None:
    text = (DOCS / "commands.rst").read_text(encoding="utf-8")

    assert set(re.findall(r"^\.\. command-help:: (\w+)$", text, re.MULTILINE)) == COMMANDS


def test_checks_page_documents_every_check() -> None:
    text = (DOCS / "checks.rst").read_text(encoding="utf-8")
    code = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))

    documented = re.findall(r"^``([EW]\d{3})``$", text, re.MULTILINE)
    assert sorted(documented) == sorted(set(re.findall(r"\bringotel_crm\.([EW]\d{3})\b", code)))


def test_commands_in_texts_exist() -> None:
    """Texts name a command after ``manage.py``, or as ``command`` to be filled in."""
    files = [*DOCS.rglob("*.rst"), DOCS.parent / "README.rst"]
    files += [path for suffix in ("py", "html") for path in PACKAGE.rglob(f"*.{suffix}")]
    pattern = re.compile(r"(?:manage\.py |\"command\": \")(ringotel_\w+)")
    named = {name for path in files for name in pattern.findall(path.read_text(encoding="utf-8"))}

    assert named - COMMANDS == set()


def test_links_to_the_project_lead_to_files() -> None:
    root = DOCS.parent
    files = [root / "README.rst", root / "CONTRIBUTING.rst", root / "SECURITY.md"]
    files += [root / "setup.cfg", *DOCS.rglob("*.rst")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)

    pages = re.findall(r"ringotel-crm\.readthedocs\.io/en/latest/([\w/]+)\.html", text)
    names = {f"docs/{page}.rst" for page in pages}
    names |= {*re.findall(r"/ringotel-crm/ringotel-crm/(?:blob/)?main/([\w./-]+)", text)}
    assert {name for name in names if not (root / name).is_file()} == set()
