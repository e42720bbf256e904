from __future__ import annotations

from django.test import TestCase

from ringotel_crm.testing import BackendContract


class TestNetBox(BackendContract, TestCase):
    pass
