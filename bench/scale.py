"""What a day of so many contacts needs, derived from what the benches measured: `python -m bench scale`.

    python -m bench scale                                   # 10 M contacts a day, 1,000 campaigns
    python -m bench scale --contacts-a-day 2000000 --campaigns 200
    python -m bench scale --write                           # docs/scale.md anew from bench/results/*.json

A stage costs `seconds of the bench × (size / size of the bench) ^ exponent`. What runs beside each other is divided by
workers, what one database does is not. Figures that no bench measures are inputs of `Day`, or constants with a reason.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any

from bench.environment import ROOT

__all__ = ["PAGE", "Day", "page", "report"]

PAGE = ROOT / "docs" / "scale.md"
RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True, slots=True)
class Day:
    """What the reader gives.

    `share_delivered` of the dials are recorded conversations; `window_hours` is the subscriber's 9 to 20; the other
    hours are those within which a stage has to be done for all campaigns.
    """

    contacts_a_day: int = 10_000_000
    campaigns: int = 1_000
    dials_a_contact: float = 2.0
    share_delivered: float = 0.15
    batches_a_campaign: int = 2
    window_hours: float = 11.0
    poll_seconds: float = 60.0
    twin_share: float = 0.5
    plan_hours: float = 6.0
    collect_hours: float = 3.0
    launch_hours: float = 1.0
    deliver_hours: float = 8.0
    calls_a_second_of_a_task: float = 5.0
    requests_a_second_vendor: float = 20.0
    requests_a_second_qolio: float = 100.0

    @property
    def dials(self) -> float:
        return self.contacts_a_day * self.dials_a_contact

    @property
    def contacts_a_campaign(self) -> float:
        return self.contacts_a_day / self.campaigns

    @property
    def delivered(self) -> float:
        return self.dials * self.share_delivered


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a cost comes from: row, case, way of a result, and what of the day it grows with."""

    title: str
    row: str
    case: str
    grows_with: str
    hours: str
    #: The bench tells milliseconds a record, which grow with nothing.
    each: bool = False
    #: Of the worker's seconds so much is the database's work: it adds up over workers.
    database: float = 0.5


STAGES = (
    Stage("plan", "plan", "", "contacts_a_day", "plan_hours", database=0.7),
    Stage("launch at TWIN", "launch", "TWIN", "twin", "launch_hours", database=0.3),
    Stage("launch at Dialog", "launch", "Dialog", "dialog", "launch_hours", database=0.3),
    Stage("collect and load", "load", "transcripts", "dials", "collect_hours", database=0.6),
    Stage("deliver", "deliver", "", "delivered", "deliver_hours", each=True, database=0.3),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """A stage of the day. `seconds` of one worker in all, `workers` so that it is done in its hours."""

    stage: Stage
    size: float
    seconds: float
    exponent: float
    hours: float

    @property
    def workers(self) -> int:
        return max(1, math.ceil(self.seconds / (self.hours * 3600)))

    @property
    def database_cores(self) -> float:
        return self.seconds * self.stage.database / (self.hours * 3600)


def costs(day: Day, results: Path) -> Iterator[Cost | str]:
    """Each stage's cost, or which bench is to be run first."""
    for stage in STAGES:
        path = results / f"{stage.row}.json"
        if not path.exists():
            yield f"{stage.title}: not measured yet; run `python -m bench {stage.row}`"
            continue
        yield _cost(stage, day, json.loads(path.read_text("utf-8")))


def _cost(stage: Stage, day: Day, told: Mapping[str, Any]) -> Cost:
    name, ways = _case(told, stage.case)
    ours = next(way for way in ways if way["kind"] == "ours" and way["samples"])
    seconds = median(sample["seconds"] for sample in ours["samples"])
    size, grown = _size(stage, day), told["growth"].get(name) or {}
    hours = getattr(day, stage.hours)
    if stage.each:
        return Cost(stage, size, seconds / 1000 * size, 1.0, hours)
    # campaigns are planned, launched and loaded apart: the exponent counts within a campaign, campaigns add up
    each = size / day.campaigns
    # a campaign smaller than what was measured costs its share of it, no less: fixed costs do not shrink
    exponent = float(grown.get("exponent") or 1.0) if each > told["size"] else 1.0
    # of two lanes beside each other a worker has but one
    seconds *= median(sample["figures"].get("lanes", 1) for sample in ours["samples"])
    return Cost(stage, size, seconds * (each / told["size"]) ** exponent * day.campaigns, exponent, hours)


def _case(told: Mapping[str, Any], part: str) -> tuple[str, list[dict[str, Any]]]:
    """The first case whose name has the part; of the delivery the one with 32 at once and no limit."""
    names = [name for name in told["cases"] if part in name and "again" not in name]
    wanted = [name for name in names if name.startswith("32 workers, no limit")] or names
    return wanted[0], told["cases"][wanted[0]]


def _size(stage: Stage, day: Day) -> float:
    shares = {"twin": day.twin_share, "dialog": 1 - day.twin_share}
    if stage.grows_with in shares:
        return day.contacts_a_day * shares[stage.grows_with]
    return float(getattr(day, stage.grows_with))


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that can be full: `share` of it is used; over 1 the day does not fit."""

    what: str
    share: float
    cure: str


def limits(day: Day, found: Sequence[Cost]) -> list[Limit]:
    """What saturates, the fullest first."""
    waiting = day.campaigns * day.batches_a_campaign
    dialog_requests = waiting * (1 - day.twin_share) / day.poll_seconds
    twin_requests = waiting * day.twin_share * 2 / day.poll_seconds
    per_second = day.dials / (day.window_hours * 3600)
    writing = sum(cost.database_cores for cost in found)
    known = [
        Limit(
            "Qolio: calls delivered a second against the account's budget",
            day.delivered / (day.deliver_hours * 3600) / day.requests_a_second_qolio,
            "`qolio.sample_share`, a larger `requests_per_second` agreed with Qolio, or more hours",
        ),
        Limit(
            "dialling itself: numbers a second of all TWIN tasks against 5 a second each",
            per_second * day.twin_share / max(1.0, day.campaigns * day.twin_share * day.calls_a_second_of_a_task),
            "more tasks (smaller `chunk_size`), lines and a higher pace agreed with the vendor",
        ),
        Limit(
            "TWIN: looks a second against the account's budget, were all windows to end at once",
            twin_requests / day.requests_a_second_vendor,
            "a longer `poll_seconds`, or several accounts",
        ),
        Limit(
            "Dialog: looks a second against the account's budget, were all windows to end at once",
            dialog_requests / day.requests_a_second_vendor,
            "a longer `poll_seconds`, or several accounts",
        ),
        Limit(
            "triggerer: waiting batches against its capacity of 1,000",
            waiting / 1000,
            "a triggerer for each 1,000, or `[triggerer] capacity`",
        ),
        Limit("PostgreSQL: cores at work in the busiest hours, of 16", writing / 16, "more cores; fewer `max_batches`"),
    ]
    if len(found) < len(STAGES):
        known.pop()  # not known yet
    return sorted(known, key=lambda limit: -limit.share)


def report(day: Day, results: Path = RESULTS) -> str:
    """The whole answer as Markdown."""
    told = list(costs(day, results))
    found = [each for each in told if isinstance(each, Cost)]
    lines = [f"For {_given(day)}.", "", *_stages(told, day), *_limits(limits(day, found)), *_needs(day, found, results)]
    return "\n".join(lines)


def _given(day: Day) -> str:
    values = ((field.name.replace("_", " "), getattr(day, field.name)) for field in fields(day))
    return ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:g}" for name, value in values)


def _stages(told: Sequence[Cost | str], day: Day) -> list[str]:
    lines = [
        "| Stage | Size a day | Worker-hours | Exponent | Hours it has | Workers | Database cores |",
        "|---|---|---|---|---|---|---|",
    ]
    for cost in told:
        if isinstance(cost, str):
            lines.append(f"| {cost} | | | | | | |")
            continue
        lines.append(
            f"| {cost.stage.title} | {cost.size:,.0f} | {cost.seconds / 3600:.2f} | {cost.exponent:.2f}"
            f" | {cost.hours:g} | {cost.workers} | {cost.database_cores:.2f} |"
        )
    return [*lines, ""]


def _limits(found: Sequence[Limit]) -> list[str]:
    lines = [
        "| What fills up, first things first | Share used (over 1: the day does not fit) | What helps |",
        "|---|---|---|",
    ]
    lines += [f"| {limit.what} | {limit.share:.2f} | {limit.cure} |" for limit in found]
    return [*lines, ""]


Pick = Callable[[Sequence[float]], float]


def _measured(results: Path, row: str, figure: str, otherwise: float, of: Pick = max) -> float:
    """A figure of ours, of the medians of its cases: the largest or the last; or what stands for it until then."""
    path = results / f"{row}.json"
    if not path.exists():
        return otherwise
    ways = (way for case in json.loads(path.read_text("utf-8"))["cases"].values() for way in case)
    ours = ([s["figures"][figure] for s in way["samples"] if figure in s["figures"]] for way in ways if _is_ours(way))
    medians = [median(figures) for figures in ours if figures]
    return of(medians) if medians else otherwise


def _is_ours(way: Mapping[str, Any]) -> bool:
    return bool(way["kind"] == "ours")


def _needs(day: Day, found: Sequence[Cost], results: Path) -> list[str]:
    """Machines and settings."""
    waiting = day.campaigns * day.batches_a_campaign
    instances = day.campaigns * (TASKS_A_CAMPAIGN + TASKS_A_BATCH * day.batches_a_campaign)
    triggerers = math.ceil(waiting / TRIGGERER_CAPACITY)
    gib = day.dials * (ROW_KIB + day.share_delivered * TURNS_KIB) / 2**20
    trigger = _measured(results, "waiting", "KiB an intent", TRIGGER_KIB)
    # one file bears the operators' imports, many share them: the last case has the most files
    parse = _measured(results, "dags", "ms a campaign above the floor", PARSE_MS, itemgetter(-1)) / 1000
    start = _measured(results, "airflow", "shortest task s", TASK_START)
    memory = max(16, math.ceil(HOT_DAYS * gib / 16) * 16)
    rows = [
        ("triggerers", f"{triggerers + 1}: one for each {TRIGGERER_CAPACITY:,} waiting batches, and a spare"),
        ("memory of a triggerer", f"{0.3 + min(waiting, TRIGGERER_CAPACITY) * trigger / 2**20:.2f} GiB"),
        ("facts", f"{gib:,.0f} GiB a day, {365 * gib / 1024:,.1f} TiB a year"),
        ("PostgreSQL memory", f"{memory} GiB: {HOT_DAYS} days of facts with their indexes"),
        ("PostgreSQL `shared_buffers`", f"{memory // 4} GB: a quarter"),
        ("PostgreSQL `max_wal_size`", f"{max(4, math.ceil(gib / 4))} GB, with `checkpoint_timeout` 15 min"),
        (
            "task instances a day",
            f"{instances:,.0f}, some {instances * ROWS_AN_INSTANCE:,.0f} rows of Airflow's database",
        ),
        ("DAG parse of all campaign files", f"{day.campaigns * parse:,.0f} s of one DAG processor"),
    ]
    return [
        "| What is needed | How much |",
        "|---|---|",
        *_slots(day, found, instances * start, triggerers),
        *_lines(rows),
        "",
    ]


def _slots(day: Day, found: Sequence[Cost], starting: float, triggerers: int) -> list[str]:
    """What follows from the stages' costs, where all are measured."""
    if len(found) < len(STAGES):
        return _lines([("worker slots, PostgreSQL cores, `max_connections`", "not known: see the stages above")])
    # every start of a task costs seconds of a core whatever it does; plans start together
    starts = math.ceil(starting / (day.plan_hours * 3600))
    slots = sum(cost.workers for cost in found) + starts
    cores = max(4, math.ceil(2 * sum(cost.database_cores for cost in found)))
    pools = ", ".join(f"{cost.stage.title} {cost.workers}" for cost in found)
    return _lines(
        [
            ("worker slots (`[core] parallelism`)", f"{slots}, of them {starts} for starting tasks"),
            ("slots by stage (pools)", pools),
            ("PostgreSQL cores", f"{cores}: twice what works on average"),
            ("PostgreSQL `max_connections`", f"{3 * slots + CONNECTIONS_A_TRIGGERER * (triggerers + 1) + 50}"),
        ]
    )


def _lines(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [f"| {what} | {much} |" for what, much in rows]


#: Seconds to start a task, until the row `airflow` has been measured: then its shortest task counts.
TASK_START = 3.0
#: `[triggerer] capacity` as Airflow ships it; KiB of a waiting trigger until the row `waiting` has been measured.
TRIGGERER_CAPACITY, TRIGGER_KIB, CONNECTIONS_A_TRIGGERER = 1_000, 50.0, 10
#: plan, approve, deliver, audit and the lists of batches; launch, doubts, wait, collect.
TASKS_A_CAMPAIGN, TASKS_A_BATCH = 5, 4
#: Instance, its history, XCom, rendered fields, log and job rows of Airflow's database: an estimate.
ROWS_AN_INSTANCE = 12
#: KiB of a dial with its indexes, and of a conversation's utterances: estimates.
ROW_KIB, TURNS_KIB = 0.7, 2.5
#: Reports, late results and marts look at so many days.
HOT_DAYS = 3
#: Milliseconds a campaign file until the row `dags` has been measured.
PARSE_MS = 10.0

HEAD = """# Scale beyond one machine

What many contacts a day need, and what fills up first. This page is made by `python -m bench scale --write` from
`bench/results/*.json`; with other numbers the same model answers on the terminal:

    python -m bench scale --contacts-a-day 2000000 --campaigns 200 --twin-share 1

"""
TAIL = """## How it is reckoned

* A stage's seconds are those of its bench, grown by the exponent measured there within one campaign. Campaigns add up,
  because each is planned, launched and loaded by itself. Where no exponent was measured it is 1.
* Workers are as many as bring a stage to its end within its hours. `max_batches` cuts a campaign's launch, wait and
  collect into that many tasks at most; a plan is one task and one transaction and is not divided.
* A worker is one lane of one task; a load that the bench made in two lanes counts twice. A campaign smaller than what
  was measured costs its share of it. A stage that an account's budget bounds (delivery) takes as long as the second
  table says, however many workers it has.
* Database cores: the part of a stage's seconds in which PostgreSQL works, an estimate (0.3 to 0.7 by stage). All
  workers share one warehouse that writes, so they add up, twice over for peaks and vacuum.
* The calling window (9 to 20 by the subscriber's own clock, eleven zones) spreads launches and ends over the day. The
  hours within which a stage must be done are inputs: a house may load by night and deliver until morning.
* No vendor publishes a limit of requests. The budgets are those the connectors keep by default
  (`requests_per_second`), for one account each. A look at TWIN is two requests or more, at Dialog one whole report.
  Reports are looked at by every poll only around the end of their window; eleven zones end one after the other.
* A waiting trigger's memory, a task's start and the parse of a file come from the rows `waiting`, `airflow` and `dags`
  where these are measured. Sizes of rows and rows of Airflow's database are estimates in `bench/scale.py`.
* Left out: reports that are looked at again and again (Dialog's whole), copied recordings, backups, replicas, and
  Airflow's web server.
"""


def page(results: Path = RESULTS) -> str:
    """docs/scale.md."""
    return f"{HEAD}## Ten million contacts a day, a thousand campaigns\n\n{report(Day(), results)}\n{TAIL}"


MEANING = {
    "contacts_a_day": "contacts of all lists of a day",
    "campaigns": "campaigns they are spread over evenly",
    "dials_a_contact": "attempts a contact",
    "share_delivered": "recorded conversations that go to Qolio, a share of the attempts",
    "batches_a_campaign": "batches a campaign is cut into: tasks at once, and triggers",
    "window_hours": "hours in which anybody may be called",
    "poll_seconds": "seconds between two looks",
    "twin_share": "contacts that TWIN calls, a share; Dialog calls the others",
    "plan_hours": "hours in which all plans are to be made",
    "collect_hours": "hours in which all reports are to be loaded",
    "launch_hours": "hours in which all campaigns are to be launched",
    "deliver_hours": "hours in which Qolio is to have its calls",
    "calls_a_second_of_a_task": "numbers a TWIN task dials a second",
    "requests_a_second_vendor": "the budget of a vendor's account",
    "requests_a_second_qolio": "the budget of Qolio's account",
}


def _positive(kind: type[float]) -> Callable[[str], float]:
    """A reader of numbers above zero, in the way pages write them: 500,000."""

    def read(text: str) -> float:
        try:
            value = kind(text.replace(",", ""))
        except ValueError:
            value = kind(0)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is no {'whole ' if kind is int else ''}number above 0")
        return value

    return read


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench scale", description=str(__doc__).splitlines()[0])
    for each in fields(Day):
        kind = type(each.default)
        option = f"--{each.name.replace('_', '-')}"
        parser.add_argument(
            option, type=_positive(kind), default=each.default, help=f"{MEANING[each.name]}; {each.default:,}"
        )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the benches' JSON files")
    parser.add_argument("--write", action="store_true", help="write docs/scale.md, for the page's own day")
    given = vars(parser.parse_args(arguments))
    results, write = given.pop("results"), given.pop("write")
    for name in ("twin_share", "share_delivered"):
        if given[name] > 1:
            parser.error(f"--{name.replace('_', '-')} is a share: 1 at the most")
    if write:
        PAGE.write_text(page(results), encoding="utf-8")
        return 0
    sys.stdout.write(f"{report(Day(**given), results)}\n")
    return 0
