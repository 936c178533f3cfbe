"""The commands `stop` and `resume`: the kill switch by hand, and what is still running at the vendors."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Protocol

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from obzvon.campaigns import catalogue
from obzvon.cli_house import Dsn, asked
from obzvon.errors import ConfigError, ObzvonError
from obzvon.ledger.at_vendor import AtVendor, at_vendors
from obzvon.local.airflow_api import AirflowApi, health
from obzvon.local.environment import AIRFLOW_CLI
from obzvon.local.home import Home
from obzvon.local.stack import Stack
from obzvon.policy.switch import VARIABLE, KillSwitch

__all__ = ["AirflowCommand", "AirflowWeb", "add_stop"]

COMMAND_SECONDS = 120
LOOK_SECONDS = 1.0
Campaign = Annotated[str | None, typer.Argument(help="Name of the campaign.", show_default="every campaign")]


class Switch(Protocol):
    """Where the text of the kill switch is kept."""

    def read(self) -> KillSwitch:
        """As it is now."""

    def write(self, switch: KillSwitch) -> None:
        """From now on."""


class AirflowWeb:
    """The Variable over the REST API of a running web server."""

    def __init__(self, api: AirflowApi) -> None:
        self._api = api

    def read(self) -> KillSwitch:
        return KillSwitch.parse(self._api.variable(VARIABLE))

    def write(self, switch: KillSwitch) -> None:
        self._api.set_variable(VARIABLE, switch.text)


class AirflowCommand:
    """The Variable through the installed `airflow` executable, which talks to its metadata database itself."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def read(self) -> KillSwitch:
        said = self._run("get", VARIABLE, "--default", "off").strip().splitlines()
        return KillSwitch.parse(said[-1] if said else "unreadable")

    def write(self, switch: KillSwitch) -> None:
        self._run("set", VARIABLE, switch.text)

    def _run(self, *arguments: str) -> str:
        executable = AIRFLOW_CLI if Path(AIRFLOW_CLI).exists() else shutil.which("airflow") or AIRFLOW_CLI
        try:
            done = subprocess.run(  # noqa: S603
                [executable, "variables", *arguments],
                env=dict(self._environment), capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ObzvonError(f"`airflow variables {arguments[0]}` does not work: {type(error).__name__}") from None
        if done.returncode:
            raise ObzvonError(f"`airflow variables {arguments[0]}` failed with exit code {done.returncode}")
        return done.stdout


def add_stop(app: typer.Typer) -> None:
    """Teach the command line to stop calling and to let it go on."""
    app.command()(stop)
    app.command()(resume)


def stop(
    campaign: Campaign = None,
    list_: Annotated[bool, typer.Option("--list", help="Only show what is running; change nothing.")] = False,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to watch until vendors confirm.")] = 60.0,
    dsn: Dsn = None,
) -> None:
    """Switch calling off, for one campaign or for all, and show what is still running at the vendors.

    No further request leaves; waiting tasks halt what can be
    halted. Exit code 1: something is not confirmed to be
    stopped within --wait seconds.

    Away from the local stack give --dsn and run it where
    `airflow variables` works.
    """
    console = Console(highlight=False)
    with asked():
        _known(campaign, dsn)
        switch = _switch(dsn)
        if list_:
            now = switch.read()
            console.print(f"kill switch: {now.text}", markup=False)
            _show(console, _running(dsn, campaign), now)
            return
        _set(console, switch, lambda now: now.with_stopped(campaign), lambda now: now.stops_all_of(campaign))
        left = _watch(console, lambda: _running(dsn, campaign), wait)
        _show(console, left, switch.read())
    raise typer.Exit(1 if any(one.stop_outcome != "not_possible" for one in left) else 0)


def resume(campaign: Campaign = None, dsn: Dsn = None) -> None:
    """Let one campaign, or all, call again. What was stopped at a vendor is never started again by this."""
    with asked():
        _known(campaign, dsn)
        off = lambda now: not (now.stops(campaign) if campaign else now != KillSwitch())  # noqa: E731
        _set(Console(highlight=False), _switch(dsn), lambda now: now.with_resumed(campaign), off)


def _set(
    console: Console, switch: Switch, change: Callable[[KillSwitch], KillSwitch], done: Callable[[KillSwitch], bool]
) -> None:
    """Write what is to be, read it back, tell it."""
    before = switch.read()
    switch.write(change(before))
    after = switch.read()
    if not done(after):
        raise ObzvonError(
            f"the Variable {VARIABLE} still says `{after.text}`: somebody else writes it, or it is set in the"
            " environment or a secrets backend, which win; set it there"
        )
    console.print(f"kill switch: {before.text} → {after.text}", markup=False)


def _switch(dsn: str | None) -> Switch:
    """The web server of the local stack where it answers, else the `airflow` executable."""
    if dsn:
        return AirflowCommand(os.environ)
    stack = Stack()
    if stack.airflow["api-server"].running and health(stack.address.web):
        return AirflowWeb(stack.api())
    return AirflowCommand(stack.environment)


def _known(campaign: str | None, dsn: str | None) -> None:
    """Refuse a name that neither a campaign file nor the ledger has: a typing error must not look like a stop."""
    folder = Path(os.environ.get("OBZVON_CAMPAIGNS") or Home.find().root / "include" / "campaigns")
    names = {path.stem for path in catalogue.files(folder)} if folder.is_dir() else set()
    if campaign is None or campaign in names:
        return
    with _connect(dsn) as conn:
        names |= {row[0] for row in conn.execute("select distinct campaign_id from ops.campaign_plan")}
    if campaign not in names:
        raise ConfigError(f"no campaign is called {campaign}; known: {', '.join(sorted(names)) or 'none'}")


def _connect(dsn: str | None) -> psycopg.Connection:
    return psycopg.connect(dsn, autocommit=True) if dsn else Stack().connect()


def _running(dsn: str | None, campaign: str | None) -> list[AtVendor]:
    with _connect(dsn) as conn:
        return at_vendors(conn, campaign)


def _watch(console: Console, look: Callable[[], list[AtVendor]], seconds: float) -> list[AtVendor]:
    """What is left when every stop has its outcome, or the time is up."""
    until, before = time.monotonic() + seconds, -1
    while True:
        left = look()
        waiting = sum(one.to_be_halted for one in left)
        if not waiting or time.monotonic() >= until:
            return left
        if waiting != before:
            console.print(f"waiting for {waiting} vendor campaigns to be halted")
        before = waiting
        time.sleep(LOOK_SECONDS)


def _show(console: Console, left: Sequence[AtVendor], switch: KillSwitch) -> None:
    if not left:
        console.print("Nothing is running at the vendors.")
        return
    table = Table("campaign", "call date", "zone", "state", "vendor", "id", "contacts", "stop asked", box=None)
    for one in left:
        asked_at = f"{one.stop_asked_at:%H:%M:%S}" if one.stop_asked_at else "–"
        table.add_row(
            one.campaign_id, str(one.call_date), f"{one.zone} #{one.chunk_no}", one.state, one.vendor_code,
            one.vendor_task_id or "–", str(one.contacts), asked_at,
        )  # fmt: skip
    console.print(table)
    for one in left:
        where = f"{one.campaign_id} {one.call_date} {one.zone} #{one.chunk_no}"
        stopping = one.stop_asked_at or switch.stops(one.campaign_id)
        fate = one.fate if stopping else f"may dial until {one.dials_until:%Y-%m-%d %H:%M} UTC"
        console.print(f"{where}: {fate}", markup=False, soft_wrap=True)
