"""Sites on several machines, built on this one and tested. See docs/scale.rst.

Each module with a function ``run(options)`` is a set-up. The function raises ``Failure`` if the
set-up does not hold what docs/scale.rst promises.
"""

from __future__ import annotations
