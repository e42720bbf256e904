"""For the tests of a host: :class:`~ringotel_crm.testing.contract.BackendContract`, and Ringotel without an account:
:class:`~ringotel_crm.testing.ringotel_server.RingotelServer`."""

from __future__ import annotations

from .contract import BackendContract
from .ringotel_server import Fault, RingotelServer

__all__ = ["BackendContract", "Fault", "RingotelServer"]
