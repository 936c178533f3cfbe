"""What every bench shares: ways that do the same job, measured in turns, each in a process of its own.

A way is `ours`, a `peer` (what a user would take instead) or a `floor` (what nobody gets under). A round measures every
way once, so that a machine that grows slower or faster meanwhile does so for all. A measurement is a fresh process
(`bench.child`): its peak memory is its own and nobody's imports leak. Preparing, and judging the end state, are neither
timed nor in that process.

Not pyperf and not pytest-benchmark: both measure functions of a few milliseconds many times over in one warmed-up
process. Here one call takes seconds to minutes, changes a database that must be fresh for the next one, runs in another
interpreter for peers, and its memory counts as much as its time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from bench.environment import OURS, ROOT, environment, missing, peers_python

__all__ = ["Bench", "Kind", "Options", "Ran", "Sample", "Scene", "Way", "rounds", "run_child"]

LAST_WORDS = 300


class Kind(StrEnum):
    """Whose a way is."""

    OURS = "ours"
    PEER = "peer"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do a job: `call` is `module:function`; with `needs` it runs in the peers' environment."""

    name: str
    kind: Kind
    call: str
    needs: tuple[str, ...] = ()

    @property
    def python(self) -> Path:
        """The interpreter it runs in."""
        return peers_python() if self.needs else OURS

    @property
    def absent(self) -> str | None:
        """Why it cannot run here, None where it can."""
        gone = missing(self.needs)
        return f"not run: {', '.join(gone)} not installed (make bench installs it)" if gone else None


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement. `state` is what must be equal for all ways: a count and a checksum."""

    seconds: float
    peak_mib: float | None = None
    idle_mib: float | None = None
    state: str | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """How large and how often, `without` which ways, and which `cases` only (all of them where none is named).

    `quick` prepares without waiting for the disk and is never read as a measurement.
    """

    size: int
    rounds: int = 5
    quick: bool = False
    without: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


class Scene(Protocol):
    """What one size needs, prepared; `measure` gives a sample for each case of the bench that the way takes part in."""

    def measure(self, way: Way) -> Mapping[str, Sample]: ...


@dataclass(frozen=True)
class Bench:
    """A row of the table: its ways, the size it is measured at, and how to prepare a size.

    `growth` are the parts of the size at which ours is measured for the exponent; `against` names, for a case, the
    figure of ours that is compared with the floor beside the whole.
    """

    name: str
    title: str
    size: int
    tiny: int
    unit: str
    ways: Sequence[Way]
    scene: Callable[[Options, Path], AbstractContextManager[Scene]]
    reach: str
    growth: Sequence[float] = (1 / 9, 1 / 3, 1)
    against: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(slots=True)
class Ran:
    """All samples of one way in one case; `said` is why it has none."""

    way: Way
    samples: list[Sample] = field(default_factory=list)
    said: str | None = None

    def median(self, read: Callable[[Sample], float | None] = lambda sample: sample.seconds) -> float | None:
        """The median over the rounds; None where nobody measured it."""
        values = [value for sample in self.samples if (value := read(sample)) is not None]
        return median(values) if values else None


class Failed(RuntimeError):
    """A measured process ended with an error; its last words."""


def run_child(way: Way, arguments: Mapping[str, Any], **extra: str) -> Sample:
    """Call the way's function with these arguments in a fresh process; `extra` goes into its environment."""
    command = [str(way.python), "-m", "bench.child", way.call, json.dumps(arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(bool(way.needs)) | extra, capture_output=True, text=True, check=False
    )
    if done.returncode:
        if way.kind is not Kind.PEER:
            sys.stderr.write(done.stderr)
        raise Failed(f"exit code {done.returncode}: {' '.join(done.stderr.split())[-LAST_WORDS:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Sample(told["seconds"], told["peak_mib"], told["idle_mib"], told["state"], told["figures"])


def rounds(bench: Bench, scene: Scene, options: Options, say: Callable[[str], None]) -> dict[str, list[Ran]]:
    """Measure all ways in turns; what ran, by case. A way that fails once is not tried again, and says why."""
    found: dict[str, dict[str, Ran]] = {}
    out: dict[str, str] = {way.name: said for way in bench.ways if (said := _left_out(way, options))}
    for number in range(1, options.rounds + 1):
        for way in bench.ways:
            if way.name in out:
                continue
            try:
                samples = scene.measure(way)
            except Failed as error:
                if way.kind is not Kind.PEER:
                    raise
                out[way.name] = f"not run: {error}"
                say(out[way.name])
                continue
            for case, sample in samples.items():
                found.setdefault(case, {}).setdefault(way.name, Ran(way)).samples.append(sample)
                say(f"  round {number}  {case:28s} {way.name:34s} {_spoken(sample)}")
    return {case: list(_all_of(bench, ways, out)) for case, ways in found.items()}


def _left_out(way: Way, options: Options) -> str | None:
    return "not run: left out" if way.name in options.without else way.absent


def _all_of(bench: Bench, ran: Mapping[str, Ran], out: Mapping[str, str]) -> Iterator[Ran]:
    for way in bench.ways:
        if way.name in ran:
            yield ran[way.name]
        elif way.name in out:
            yield Ran(way, said=out[way.name])


def _spoken(sample: Sample) -> str:
    peak = "" if sample.peak_mib is None else f"  {sample.peak_mib:7.0f} MiB"
    return f"{sample.seconds:9.2f} s{peak}"
