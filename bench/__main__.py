"""Runs the benches and writes what they found: `python -m bench load --rows 1000000 --rounds 5`.

python -m bench evening             # every row of the table at a size for an evening, then docs/benchmarks.md
python -m bench all                 # every row of the table at its full size: a night and more
python -m bench all --quick         # every row at a tiny size, one round: that it runs, nothing about time
python -m bench load --size 100000  # one row; its line of the page is written anew
python -m bench memory --contacts 10000000 --rows 10000000   # plan and load under their limits
python -m bench page                # docs/benchmarks.md and docs/scale.md from the results that are there
python -m bench scale --contacts-a-day 2000000 --campaigns 200   # what such days need; --help shows what can be given
"""

from __future__ import annotations

import importlib
import json
import signal
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from bench import memory, scale
from bench.environment import ROOT, install, machine
from bench.evening import EVENING
from bench.frame import Bench, Kind, Options, Ran, Sample, rounds
from bench.growth import exponent
from bench.page import PAGE, page, table

RESULTS = ROOT / "bench" / "results"
ROWS = ("load", "parse", "deliver", "plan", "launch", "waiting", "ready", "airflow", "dags", "marts")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__, rich_markup_mode=None)


def bench_of(name: str) -> Bench:
    """The bench of a row of the table."""
    found: Bench = importlib.import_module(f"bench.{name}").BENCH
    return found


def run(bench: Bench, options: Options, *, growth: bool, folder: Path) -> dict[str, Any]:
    """Measure one bench; its result as it stands in the JSON file."""
    say(f"{bench.title}: {options.size:,} {bench.unit}, {options.rounds} rounds")
    started = time.perf_counter()
    with bench.scene(options, folder / "full") as scene:
        say(f"  prepared in {time.perf_counter() - started:.0f} s")
        cases = rounds(bench, scene, options, say)
        postgres = getattr(scene, "postgres", None)
    if not cases:
        raise typer.BadParameter(f"{bench.name} has no case {', '.join(options.cases)}", param_hint="--case")
    result = {
        "row": bench.name,
        "title": bench.title,
        "reach": bench.reach,
        "size": options.size,
        "unit": bench.unit,
        "rounds": options.rounds,
        "notes": list(bench.notes),
        "machine": machine(postgres),
        "against": dict(bench.against),
        "cases": {case: [_ran(each) for each in ran] for case, ran in cases.items()},
        "growth": _growth(bench, options, folder) if growth else {},
    }
    say(table(result))
    return result


def _ran(ran: Ran) -> dict[str, Any]:
    return {
        "name": ran.way.name,
        "kind": ran.way.kind.value,
        "said": ran.said,
        "samples": [asdict(sample) for sample in ran.samples],
    }


def _growth(bench: Bench, options: Options, folder: Path) -> dict[str, Any]:
    """Ours alone, one round at each of three sizes: seconds, peak memory, and the exponent of each case."""
    found: dict[str, list[tuple[int, Sample]]] = {}
    ours = [way for way in bench.ways if way.kind is Kind.OURS]
    for size in sorted({max(bench.tiny, round(options.size * part)) for part in bench.growth}):
        with bench.scene(replace(options, size=size), folder / f"size-{size}") as scene:
            for way in ours:
                for case, sample in scene.measure(way).items():
                    found.setdefault(case, []).append((size, sample))
                    say(f"  {size:>12,} {bench.unit}  {case:28s} {sample.seconds:9.2f} s")
    return {
        case: {
            "sizes": [size for size, _ in points],
            "seconds": [sample.seconds for _, sample in points],
            "peak_mib": [sample.peak_mib for _, sample in points],
            "exponent": exponent([(size, sample.seconds) for size, sample in points]),
        }
        for case, points in found.items()
    }


def say(text: str) -> None:
    print(text, flush=True)


@app.command()
def main(
    row: Annotated[str, typer.Argument(help=f"evening, all, page, memory or one of {', '.join(ROWS)}")],
    size: Annotated[int | None, typer.Option("--size", "--rows", min=1, help="instead of the table's")] = None,
    contacts: Annotated[int | None, typer.Option(min=1, help="of the plan, where memory is measured")] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    quick: Annotated[bool, typer.Option(help="tiny sizes, one round, nothing installed, nothing kept")] = False,
    growth: Annotated[bool, typer.Option(help="ours at three sizes too")] = True,
    peers: Annotated[
        bool | None, typer.Option(help="with what one would use instead; the default but for --quick")
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="leave a peer out, by its name")] = None,
    case: Annotated[list[str] | None, typer.Option(help="only this case, where cases are prepared apart")] = None,
    results: Annotated[Path | None, typer.Option(help="folder for the JSON; of a single row nowhere else")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="a single row into bench/results and its pages")] = False,
    kept_as: Annotated[
        str | None, typer.Option("--as", help="keep one row at a second size too: load-peers, beside load")
    ] = None,
) -> None:
    """Run one row or all of them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are stopped on the way out
    if kept_as and not kept_as.startswith(f"{row}-"):
        raise typer.BadParameter(f"a second result of {row} is named {row}-…, not {kept_as}", param_hint="--as")
    if row == "page":
        _pages()
        return
    if row not in ("evening", "all", "memory", *ROWS):
        raise typer.BadParameter(f"no row {row}; one of evening, all, page, memory, {', '.join(ROWS)}")
    whole = row in ("evening", "all") or (row == "memory" and not size and not contacts)
    results = results or (RESULTS if publish or whole else None)
    if row in ("memory", "all") and (row == "memory" or not quick):
        kept = None if quick else results
        memory.run(contacts=contacts or memory.SIZE, rows=size or memory.SIZE, quick=quick, results=kept, say=say)
        if row == "memory":
            return
    if row == "evening":
        install()
        for turn in EVENING:
            options = Options(turn.size, turn.rounds, without=turn.without)
            _measured(bench_of(turn.row), options, growth=turn.growth, results=results, kept_as=turn.kept_as)
    else:
        peers = not quick if peers is None else peers
        if peers:
            install()
        for name in ROWS if row == "all" else (row,):
            bench = bench_of(name)
            known = {way.name for way in bench.ways}
            if unknown := set(without or ()) - known:
                raise typer.BadParameter(
                    f"{row} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}"
                )
            others = () if peers else tuple(way.name for way in bench.ways if way.needs)
            options = Options(size or bench.size, rounds, without=(*(without or ()), *others), cases=tuple(case or ()))
            if quick:
                options = replace(options, size=size or bench.tiny, rounds=1, quick=True)
            kept = None if quick and results == RESULTS else results
            _measured(bench, options, growth=growth and not quick, results=kept, kept_as=kept_as)
    if not quick and results == RESULTS:
        _pages()


def _measured(bench: Bench, options: Options, *, growth: bool, results: Path | None, kept_as: str | None) -> None:
    """Measure one row and write what was found, where it is kept."""
    with tempfile.TemporaryDirectory(prefix="obzvon-bench-") as folder:
        result = run(bench, options, growth=growth, folder=Path(folder))
    if results:
        results.mkdir(parents=True, exist_ok=True)
        text = json.dumps(result, ensure_ascii=False, indent=1)
        (results / f"{kept_as or bench.name}.json").write_text(text + "\n", encoding="utf-8")


def _pages() -> None:
    """The pages that are made of the results alone."""
    PAGE.write_text(page(RESULTS), encoding="utf-8")
    scale.PAGE.write_text(scale.page(RESULTS), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(scale.main(sys.argv[2:]) if sys.argv[1:2] == ["scale"] else app())
