"""Build the set-ups of docs/scale.rst on this machine, and test them: ``python -m tests.scale``.

Requires PostgreSQL (PGHOST, PGUSER, PGPASSWORD) and its programs, Redis (REDIS_URL), nginx, HAProxy
and PgBouncer. All of them listen on 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from tests.scale.checks import Failure

SetUp = Callable[[argparse.Namespace], None]


def set_ups() -> dict[str, SetUp]:
    """Return the function ``run()`` of each module that has one, by the name of the module."""
    names = [module.name for module in iter_modules([str(Path(__file__).parent)])]
    modules = {name: import_module(f"tests.scale.{name}") for name in names if name != "__main__"}
    return {name: module.run for name, module in modules.items() if hasattr(module, "run")}


def stop(*_signal: Any) -> None:
    """Leave all contexts, which end the processes and delete the databases."""
    sys.exit(1)


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    found = set_ups()
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="SET-UP", help=f"of {', '.join(found)}")
    parser.add_argument("--full", action="store_true", help="more rows, and for longer")
    options = parser.parse_args()
    if unknown := set(options.names) - found.keys():
        parser.error(f"No set-up: {', '.join(sorted(unknown))}. Choose from {', '.join(found)}.")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f}, Python {platform.python_version()}")  # noqa: T201
    failed = []
    for name in options.names or found:
        begun = time.monotonic()
        print(f"\n{name}", flush=True)  # noqa: T201
        try:
            found[name](options)
        except Failure as exc:
            failed.append(name)
            print(f"  FAILED: {exc}")  # noqa: T201
        except Exception:  # noqa: BLE001 - the other set-ups are run nevertheless
            failed.append(name)
            print(f"  FAILED:\n{traceback.format_exc()}")  # noqa: T201
        print(f"  {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
    if failed:
        print(f"\nFAILED: {', '.join(failed)}")  # noqa: T201
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
