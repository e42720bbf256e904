"""Tools for the tests of your site.

:class:`~ringotel_crm.testing.contract.BackendContract` tests a backend, and
:class:`~ringotel_crm.testing.ringotel_server.RingotelServer` is a local server with Ringotel's API.
"""

from __future__ import annotations

from .contract import BackendContract
from .ringotel_account import Variant
from .ringotel_server import Fault, RefusalShape, RingotelServer

__all__ = ["BackendContract", "Fault", "RefusalShape", "RingotelServer", "Variant"]
