from __future__ import annotations

import docs.recipes.unfold  # noqa: F401
