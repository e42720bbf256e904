"""Directives that generate parts of the reference from the code."""

from __future__ import annotations

import argparse

from django.apps import apps
from django.core.management import get_commands, load_command_class
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ringotel_crm.auth import groups

APPS = ("ringotel_crm", "ringotel_minicrm")
# Options of every Django command.
COMMON_OPTIONS = frozenset(
    "help version verbosity settings pythonpath traceback no_color force_color skip_checks".split()
)


class CommandHelp(SphinxDirective):
    """``.. command-help:: NAME``: the ``--help`` of a management command."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a literal block, without the options of every Django command."""
        name = self.arguments[0]
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        for action in parser._actions:
            if action.dest in COMMON_OPTIONS:
                action.help = argparse.SUPPRESS
        text = parser.format_help()
        return [nodes.literal_block(text, text, language="none")]


class DatabaseTables(SphinxDirective):
    """``.. database-tables::``: the tables of the app and of the mini-CRM."""

    def run(self) -> list[nodes.Node]:
        """Return a table with names and purposes."""
        rows = [
            (f"``{model._meta.db_table}``", (model.__doc__ or "").split("\n\n")[0])
            for app in APPS
            for model in apps.get_app_config(app).get_models()
        ]
        return self.parse_text_to_nodes(list_table(("Table", "Rows"), sorted(rows)))


class Permissions(SphinxDirective):
    """``.. permissions::``: the permissions that the app adds to those of Django."""

    def run(self) -> list[nodes.Node]:
        """Return a table with names, labels and the groups that have them."""
        rows = [
            (f"``ringotel_crm.{codename}``", str(label), _groups_with(codename))
            for model in apps.get_app_config("ringotel_crm").get_models()
            for codename, label in model._meta.permissions
        ]
        header = ("Permission", "Label", "Groups")
        return self.parse_text_to_nodes(list_table(header, sorted(rows)))


def _groups_with(codename: str) -> str:
    if codename == "use_api":
        return "(service users)"
    if codename in groups._AGENT_CODENAMES:
        return "Agent, Supervisor, Administrator"
    if codename in groups._SUPERVISOR_CODENAMES:
        return "Supervisor, Administrator"
    return "Administrator"


def list_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a ``list-table`` as reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (header, *rows):
        for index, cell in enumerate(row):
            bullet = "*" if index == 0 else " "
            lines.append(f"   {bullet} - " + " ".join(cell.split()))
    return "\n".join(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("command-help", CommandHelp)
    app.add_directive("database-tables", DatabaseTables)
    app.add_directive("permissions", Permissions)
    return {"parallel_read_safe": True}
