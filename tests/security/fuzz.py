"""Reads a million changed bodies: `PYTHONPATH=tests:tests/security python tests/security/fuzz.py --bodies 1000000`.

Which body is read is decided by the seed and its number alone, so a failure is read again by `--only <number>`. The
kernel keeps the limit of memory; a crash of a library ends the process, whose last lines name the number.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter

from fuzz_targets import TARGETS

#: Bytes of address space.
MEMORY = 3 << 30
#: Read by libraries in C and C++, which may end the process without a word: their numbers are told before.
IN_C = frozenset({"xlsx", "parquet"})
_ORDER = [name for name, target in TARGETS.items() for _ in range(target.share)]


def body_of(seed: int, number: int) -> tuple[str, bytes]:
    """The target and the body of a number."""
    rng = random.Random(f"{seed}:{number}")
    name = _ORDER[number * 7_919 % len(_ORDER)]  # a prime: neighbours are of different kinds
    return name, TARGETS[name].draw(rng)


def rss() -> int:
    """MiB that the process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> int:
    """0 when every body was taken or refused as documented."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--bodies", type=int, default=1_000_000)
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--only", type=int, default=None)
    options = asked.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    numbers = range(options.bodies) if options.only is None else [options.only]
    print(f"seed {options.seed}, {len(numbers)} bodies, at most {MEMORY >> 20} MiB", flush=True)
    taken, refused, began, early = Counter[str](), Counter[str](), time.process_time(), 0
    for number in numbers:
        name, body = body_of(options.seed, number)
        if name in IN_C:
            print(f"reading {number}", flush=True, file=sys.stderr)
        slow = time.process_time()
        try:
            good = TARGETS[name].judge(body)
        except BaseException as error:  # whatever it is, the number must be known
            print(f"body {number} ({name}): {type(error).__name__}: {body[:300]!r}", flush=True)
            raise
        if time.process_time() - slow > 5:
            print(f"body {number} ({name}) took more than 5 s of CPU", flush=True)
            return 1
        (taken if good else refused)[name] += 1
        if number == options.bodies // 10:
            early = rss()
    for name in TARGETS:
        print(f"{name:24} {taken[name]:>9,} taken {refused[name]:>9,} refused")
    print(
        f"{time.process_time() - began:.0f} s of CPU; memory at most {early} MiB after a tenth, {rss()} MiB at the end"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
