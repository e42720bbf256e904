"""Privacy: the data held about a person, its erasure and its export."""

from __future__ import annotations
