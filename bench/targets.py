"""What each row shall reach, and how far the results are from it: the table on top of docs/benchmarks.md.

A target reads one number out of a row's results. Where the results do not have it (a peer was left out), it says
nothing of them; where they fall short, it says by how much and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import median
from typing import Any

from bench.marts import LOAD
from bench.ready import POLL
from bench.reporting import LAST_ROW, OVER
from bench.waiting import POLL as WAITING_POLL

__all__ = ["TARGETS", "Found", "Results", "Target", "verdicts"]


class Results:
    """One JSON file of results, asked by case and way. A number that is not there is None."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told = told

    @property
    def size(self) -> int:
        return int(self.told["size"])

    def seconds(self, case: str, way: str = "ours") -> float | None:
        """The median of a way."""
        samples = self._samples(case, way)
        return float(median(sample["seconds"] for sample in samples)) if samples else None

    def figure(self, case: str, name: str, way: str = "ours") -> float | None:
        """The median of what a way says beside its seconds."""
        found = [sample["figures"][name] for sample in self._samples(case, way) if name in sample["figures"]]
        return float(median(found)) if found else None

    def fastest_peer(self, case: str) -> float | None:
        """Seconds of the fastest peer that ends with the same rows."""
        peers = [way for way in self.told["cases"].get(case, ()) if way["kind"] == "peer" and way["samples"]]
        same = [way for way in peers if all(sample["state"] in ("same", None) for sample in way["samples"])]
        return min((median(sample["seconds"] for sample in way["samples"]) for way in same), default=None)

    def peak(self) -> float | None:
        """MiB at the most of ours, over all cases, rounds and sizes."""
        of_cases = [
            sample["peak_mib"]
            for ways in self.told["cases"].values()
            for way in ways
            if way["kind"] == "ours"
            for sample in way["samples"]
        ]
        of_sizes = [peak for grown in self.told["growth"].values() for peak in grown["peak_mib"]]
        return max((peak for peak in (*of_cases, *of_sizes) if peak is not None), default=None)

    def swell(self) -> float | None:
        """How many times the memory at the smallest size that at the largest is, of the case that grows most."""
        pairs = [grown["peak_mib"] for grown in self.told["growth"].values()]
        return max((last / first for first, *_, last in pairs if first and last), default=None)

    def exponent(self) -> float | None:
        """The steepest growth of time."""
        slopes = [grown["exponent"] for grown in self.told["growth"].values()]
        return max((slope for slope in slopes if slope is not None), default=None)

    def at(self, case: str, size: int) -> float | None:
        """Seconds at a size between two that were measured, on the straight line of their logarithms."""
        grown = self.told["growth"].get(case)
        own = self.seconds(case)
        if own is None:
            return None
        points = sorted(
            {**dict(zip(grown["sizes"], grown["seconds"], strict=True) if grown else ()), self.size: own}.items()
        )
        below = [point for point in points if point[0] <= size][-1:] or points[:1]
        above = [point for point in points if point[0] >= size][:1] or points[-1:]
        (small, fast), (large, slow) = below[0], above[0]
        if small == large:
            return fast * size / small
        return float(fast * (size / small) ** (log(slow / fast) / log(large / small)))

    def _samples(self, case: str, way: str) -> list[Mapping[str, Any]]:
        for each in self.told["cases"].get(case, ()):
            if each["name"] == way:
                return list(each["samples"])
        return []


def share(part: float | None, whole: float | None) -> float | None:
    """A ratio, None where one side is missing."""
    return part / whole if part is not None and whole else None


@dataclass(frozen=True, slots=True)
class Target:
    """A number of a row and its limit: at most that much, or at least where `least` says so.

    `why` is said where the results fall short, and nowhere else.
    """

    row: str
    says: str
    limit: float
    found: Callable[[Results], float | None]
    least: bool = False
    why: str = ""

    def holds(self, found: float) -> bool:
        return found >= self.limit if self.least else found <= self.limit


@dataclass(frozen=True, slots=True)
class Found:
    """A target and what the results have of it."""

    target: Target
    size: int
    value: float

    @property
    def said(self) -> str:
        """`holds`, or by how much it does not."""
        if self.target.holds(self.value):
            return "holds"
        if not self.target.limit:
            return "**falls short**"
        return f"**short by {100 * abs(self.value / self.target.limit - 1):.0f} %**"


def verdicts(results: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    """Every target that the results say something of, in the order of TARGETS."""
    for target in TARGETS:
        for told in (each for each in results if each["row"] == target.row):
            value = target.found(Results(told))
            if value is not None:
                yield Found(target, int(told["size"]), value)


_STEP = (
    "rows are written twice, into staging and into the tables, and compared with what is stored in between; the floor "
    "writes them once, in one session. Two lanes do that work beside each other, so by the clock it is half of it."
)


def _work(found: Results, case: str) -> float | None:
    step, lanes = found.figure(case, "load step s"), found.figure(case, "lanes")
    return None if step is None or lanes is None else step * lanes


def _loads() -> Iterator[Target]:
    for case in ("slim", "transcripts of 1 KB"):
        again = f"{case}, again"
        yield Target(
            "load",
            f"load step by the clock, × floor, {case}",
            1.5,
            lambda found, case=case: share(found.figure(case, "load step s"), found.seconds(case, COPY)),
            why=_STEP,
        )
        yield Target(
            "load",
            f"load step as work of all lanes, × floor, {case}",
            1.5,
            lambda found, case=case: share(_work(found, case), found.seconds(case, COPY)),
            why=_STEP,
        )
        yield Target(
            "load",
            f"whole, times faster than the fastest peer, {case}",
            3,
            lambda found, case=case: share(found.fastest_peer(case), found.seconds(case)),
            least=True,
            why="the whole of ours also keeps caps, the ledger and the plan's snapshot, redacts, and holds a chunk "
            "and not the report in memory; peers do none of it.",
        )
        yield Target(
            "load",
            f"again, × the first load, {case}",
            1,
            lambda found, case=case, again=again: share(found.seconds(again), found.seconds(case)),
        )
        yield Target("load", f"rows written again, {case}", 0, lambda f, again=again: f.figure(again, "rows written"))


def _delivers() -> Iterator[Target]:
    for workers in (8, 32, 64):
        case = f"{workers} workers, no limit"
        yield Target(
            "deliver",
            f"share of bare aiohttp's speed, {case}",
            0.9,
            lambda found, case=case: share(found.seconds(case, "bare aiohttp"), found.seconds(case)),
            least=True,
            why="building, checking and hashing a body, the budget and the ledger take three times the processor time "
            "of a bare POST, in one Python process: from some 32 workers on it is that process and not the wait for "
            "Qolio that bounds the speed.",
        )
    yield Target(
        "deliver",
        "most requests within a second at a limit of 50/s and a burst of 10",
        60,
        lambda found: found.figure("32 workers, 50 a second", "most in a second"),
    )
    yield Target(
        "deliver",
        "times faster than one by one (requests), 32 workers",
        20,
        lambda found: share(
            found.seconds("32 workers, no limit", "requests session, one by one"), found.seconds("32 workers, no limit")
        ),
        least=True,
        why="32 workers of one process cannot be more than 32 times one; its processor time bounds it before that.",
    )


def _launches() -> Iterator[Target]:
    for case, floor in (
        ("TWIN, batches of 1,000", "bare POSTs and the same GETs"),
        ("TWIN, batches of 1,000", "bare POSTs"),
        ("Dialog, campaigns of 20,000", "bare POSTs"),
    ):
        yield Target(
            "launch",
            f"share of the speed of {floor}, {case}",
            0.8,
            lambda found, case=case, floor=floor: share(found.seconds(case, floor), found.seconds(case)),
            least=True,
            why="a row of the ledger for each contact before it is sent, and the last look at opt-outs, cost more than "
            "a POST of thousands of contacts; both are what nobody being dialled twice rests on."
            if "Dialog" in case
            else "after each batch TWIN is asked for the task's count before the next one leaves, so half of the "
            "requests are not POSTs; some 20 ms of statements stand between two requests."
            if floor == "bare POSTs"
            else "some milliseconds of statements stand between two requests: marking whom a batch carries, the last "
            "look at opt-outs, settling what the count says. They may not move to after the request.",
        )
        if floor == "bare POSTs":
            yield Target("launch", f"contacts sent twice, {case}", 0, lambda f, case=case: f.figure(case, "doubled"))


def _waits() -> Iterator[Target]:
    for case in ("100 intents", "2,000 intents", "100 intents, looks due"):
        for way in ("ours at TWIN", "ours at Dialog"):
            yield Target(
                "waiting",
                f"KiB of the triggerer an intent, {way}, {case}",
                50,
                lambda found, case=case, way=way: found.figure(case, "KiB an intent", way),
                why="what an account costs once (session, connections, buffers of the first reports) falls on a "
                "hundred intents here, and on two thousand in the next case.",
            )
            yield Target(
                "waiting",
                f"longest block of the event loop by the clock, ms, {way}, {case}",
                50,
                lambda found, case=case, way=way: found.figure(case, "by the clock ms", way),
                why="by the clock a block holds what other programs took of the processor too.",
            )
            yield Target(
                "waiting",
                f"the same while the triggers start, ms, {way}, {case}",
                50,
                lambda found, case=case, way=way: found.figure(case, "longest block while starting ms", way),
                why="Python's garbage collector passes once over all that Airflow has imported while thousands of "
                "triggers come within a minute; that pass is the block. HttpSensor's triggers have a longer one, and "
                "have it again while they wait.",
            )
            yield Target(
                "waiting",
                f"worker slots, {way}, {case}",
                0,
                lambda found, case=case, way=way: found.figure(case, "worker slots", way),
            )
    for case, pages in (("100 intents", 1), ("2,000 intents", 3)):
        # two lists a poll at most: an answer is good for half of one
        yield Target(
            "waiting",
            f"requests a poll of all at TWIN ({pages} pages of 1,000 tasks, the last one short), {case}",
            2 * pages,
            lambda found, case=case: share(found.figure(case, "requests a minute", "ours at TWIN"), 60 / WAITING_POLL),
        )


MARTS = f"a refresh after {LOAD:,} more"
COPY = "psql \\copy binary"
TARGETS: tuple[Target, ...] = (
    *_loads(),
    Target("load", "memory at the most, MiB", 300, Results.peak),
    Target("load", "memory at the largest size, × the smallest", 1.15, Results.swell),
    *(
        Target(
            "parse",
            f"times faster than json + pydantic per record, {case}",
            3,
            lambda found, case=case: share(found.seconds(case, "json + pydantic per record"), found.seconds(case)),
            least=True,
            why="decoding without any check is a third of that way already; rows, redaction, keys and errors that name "
            "row and field come on top.",
        )
        for case in ("one document", "pages of 1,000")
    ),
    Target("parse", "memory at the largest size, × the smallest", 1.15, Results.swell),
    *_delivers(),
    Target(
        "plan",
        "seconds for 1,000,000 contacts",
        60,
        lambda found: found.at("plan", 1_000_000),
        why="half of it is PostgreSQL writing the plan's rows, reservations, phones and payloads with their keys and "
        "foreign keys, in one transaction of one session: the floor, which only writes them, is in the table. Scripts "
        "with pandas or DuckDB are five to eight times faster: they store one row a contact without keys, and reserve "
        "nothing.",
    ),
    Target("plan", "exponent of growth", 1.1, Results.exponent),
    Target("plan", "memory at the most, MiB", 500, Results.peak),
    *_launches(),
    *_waits(),
    *(
        Target(
            "dags",
            f"ms a campaign above the floor, {case}",
            10,
            lambda found, case=case: found.figure(case, "ms a campaign above the floor"),
            why="the operators' imports, which a DAG processor has in memory, fall on few files; the rest is Airflow "
            "making some fourteen operators a file.",
        )
        for case in ("1 campaign files", "50 campaign files", "500 campaign files")
    ),
    *(
        Target(
            "ready",
            f"p95 beyond one poll, seconds, {case}",
            5,
            lambda found, case=case: None if (took := found.seconds(case)) is None else took - POLL,
            why="a report that still changes has to be seen twice without a change: a second poll, on purpose.",
        )
        for case in (f"ready by {OVER}", f"ready by {LAST_ROW}")
    ),
    Target("marts", f"{MARTS}, seconds", 5, lambda found: found.seconds(MARTS)),
    Target("marts", "slowest of ten questions, seconds", 1, lambda found: found.figure(MARTS, "slowest question s")),
)
