"""Row-level security of PostgreSQL: the tenant is set in the transaction of each query."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.core.signals import request_started
from django.db import transaction
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from ringotel_crm.backends.model import ModelBackend
from ringotel_crm.records import Actor

current_org: ContextVar[str] = ContextVar("current_org", default="")


class Backend(ModelBackend):
    def __init__(self, actor: Actor) -> None:
        super().__init__(actor)
        current_org.set(self.tenant)


@receiver(request_started)
def reset_org(**kwargs: Any) -> None:
    current_org.set("")


@receiver(connection_created)
def add_wrapper(connection: Any, **kwargs: Any) -> None:
    if set_org not in connection.execute_wrappers:
        connection.execute_wrappers.append(set_org)


def set_org(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Run the query in a transaction for which the tenant is set."""
    connection, org = context["connection"], current_org.get()
    if connection.vendor != "postgresql" or sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
        return execute(sql, params, many, context)
    if not org and not connection.in_atomic_block:  # as in VACUUM and CREATE INDEX CONCURRENTLY
        return execute(sql, params, many, context)
    with transaction.atomic(using=connection.alias, savepoint=False):
        with connection.connection.cursor() as cursor:  # not through this function
            cursor.execute("SELECT set_config('app.current_org', %s, true)", [org])
        return execute(sql, params, many, context)
