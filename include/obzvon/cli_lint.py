"""The command `lint`: campaign files against the policy, before anything is sent."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from obzvon.campaigns import catalogue
from obzvon.campaigns.lines import Lines
from obzvon.errors import CampaignFileError
from obzvon.local.home import Home
from obzvon.policy.lint import Level
from obzvon.policy.lint import lint as findings
from obzvon.policy.model import Policy, load_policy

__all__ = ["add_lint"]


@dataclass(frozen=True, slots=True, order=True)
class _Line:
    """One line of the answer."""

    number: int
    level: Level
    said: str


def add_lint(app: typer.Typer) -> None:
    """Teach the command line to lint."""
    app.command()(lint)


def lint(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Campaign files, folders of them, or names; include/campaigns if none.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", envvar="OBZVON_POLICY", help="The policy file; include/policy/policy.yaml if none."),
    ] = None,
) -> None:
    """Check campaign files against the policy: dials a day, windows, caller ids, consent, approvals.

    Prints FILE:LINE: error|warning: KEY: what is wrong and the cure.
    A plan refuses a campaign with an error, before anybody is called.
    Lists are not read and no connection is used.
    Exit code 1 when there is an error.
    """
    root = Home.find().root
    rules = load_policy(policy or root / "include" / "policy" / "policy.yaml")
    found, levels = _files(files, root), Counter[Level]()
    for file in found:
        for line in sorted(_lines(file, rules)):
            levels[line.level] += 1
            typer.echo(f"{_shown(file)}:{line.number}: {line.level}: {line.said}")
    counts = ((len(found), "campaign file"), (levels[Level.ERROR], "error"), (levels[Level.WARNING], "warning"))
    typer.echo(", ".join(f"{number} {name}{'' if number == 1 else 's'}" for number, name in counts))
    raise typer.Exit(1 if levels[Level.ERROR] else 0)


def _files(given: Sequence[Path] | None, root: Path) -> list[Path]:
    folder = Path(os.environ.get("OBZVON_CAMPAIGNS") or root / "include" / "campaigns")
    if not given:
        return catalogue.files(folder)
    return [file for path in given for file in (catalogue.files(path) if path.is_dir() else [_file(path, folder)])]


def _file(path: Path, folder: Path) -> Path:
    """A bare word that is no file is a campaign's name. A file that is not there stays: its reader says so."""
    named = path.name == str(path) and not path.suffix and not path.exists()
    return catalogue.file_of(folder, path.name) if named else path


def _lines(file: Path, policy: Policy) -> Iterator[_Line]:
    lines = Lines(file)
    try:
        spec = catalogue.load(file)
    except CampaignFileError as error:
        for fault in error.faults:
            yield _Line(fault.line or lines.of(fault.key), Level.ERROR, str(fault))
        return
    for finding in findings(spec, policy):
        yield _Line(lines.of(finding.key), finding.level, f"{finding.key}: {finding.message}")


def _shown(file: Path) -> Path:
    """As short as it is right from here."""
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file
