"""The hooks of Ringotel's JSON framework, and the document that describes them."""

from __future__ import annotations
