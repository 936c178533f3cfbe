"""What `make bench` measures in an evening: every row of the table, at sizes that take about two hours together.

The full sizes take a night and more (`make bench-full`), most of it in the slowest peers. A turn is smaller where that
leaves the ratios what they are, and has fewer rounds where a round is minutes of waiting by the clock. `load` has two
turns: one that is large enough for both lanes of the collect stage, beside the fastest peer; and one that is small
enough for all peers.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EVENING", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One row at one size; `kept_as` where it is a second size of that row."""

    row: str
    size: int
    rounds: int = 5
    growth: bool = False
    without: tuple[str, ...] = ()
    kept_as: str | None = None


EVENING = (
    Turn("parse", 200_000, growth=True),
    Turn(
        "load",
        80_000,
        growth=True,
        without=("SQLAlchemy insertmanyvalues", "PostgresHook.upsert_rows", "dlt merge"),
    ),
    Turn("load", 10_000, kept_as="load-peers"),
    Turn("deliver", 5_000),
    Turn("plan", 200_000, growth=True),
    Turn("launch", 50_000),
    Turn("dags", 500),
    Turn("marts", 5_000_000, rounds=1),
    Turn("airflow", 2, rounds=3),
    Turn("ready", 30, rounds=2),
    Turn("waiting", 2_000, rounds=1),
)
