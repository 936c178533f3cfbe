"""The measured process: `python -m bench.child module:function '{"argument": …}'` prints one JSON line.

Imports come before the clock starts. A function may return `seconds` where less than all of it is the job, `state` and
`figures`.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

#: Variable with the most MiB of data (RLIMIT_DATA) that the process may have, imports included.
LIMIT = "OBZVON_BENCH_DATA_MIB"


def peak_mib() -> float:
    """The largest resident memory of this process so far.

    Not `ru_maxrss` where /proc is: an exec leaves in it what the parent held at the fork.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main(call: str, arguments: str) -> None:
    if limit := os.environ.get(LIMIT):
        size = int(limit) * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    module, name = call.split(":")
    function = getattr(importlib.import_module(module), name)
    idle = peak_mib()
    started = time.perf_counter()
    told: dict[str, Any] = function(**json.loads(arguments)) or {}
    seconds = time.perf_counter() - started
    print(
        json.dumps(
            {
                "seconds": told.get("seconds", seconds),
                "peak_mib": told.get("peak_mib", peak_mib()),
                "idle_mib": idle,
                "state": told.get("state"),
                "figures": told.get("figures", {}),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
