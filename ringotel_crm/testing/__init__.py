"""Tools for the tests of a host.

:class:`~ringotel_crm.testing.contract.BackendContract` tests a backend, and
:class:`~ringotel_crm.testing.ringotel_server.RingotelServer` replaces a Ringotel account.
"""

from __future__ import annotations

from .contract import BackendContract
from .ringotel_account import Variant
from .ringotel_server import Fault, RefusalShape, RingotelServer

__all__ = ["BackendContract", "Fault", "RefusalShape", "RingotelServer", "Variant"]
