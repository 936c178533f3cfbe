"""`python -m obzvon`: the commands of a local installation. Never imports Airflow; runs its executable where needed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from obzvon.campaigns import catalogue
from obzvon.cli_backup import add_backup
from obzvon.cli_dictionary import add_dictionary
from obzvon.cli_discover import add_discover
from obzvon.cli_doctor import add_doctor
from obzvon.cli_erase import add_erase
from obzvon.cli_lint import add_lint
from obzvon.cli_metrics import add_metrics
from obzvon.cli_plan import add_plan_command
from obzvon.cli_registers import add_registers
from obzvon.cli_replay import add_commands
from obzvon.cli_rotate import add_rotate
from obzvon.cli_stop import add_stop
from obzvon.errors import CampaignFileError, ObzvonError
from obzvon.local.demo import run_demo
from obzvon.local.home import Home
from obzvon.local.postgres import binaries
from obzvon.local.reconcile import compare, print_comparisons
from obzvon.local.servers import libpq
from obzvon.local.stack import Stack

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
campaigns = typer.Typer(no_args_is_help=True, help="Campaign files.")
app.add_typer(campaigns, name="campaigns")


@app.callback()
def _about() -> None:
    """Outbound voice-bot campaigns on Apache Airflow, on this machine.

    State lives in .obzvon of the project folder, or in the folder that OBZVON_HOME names.
    """


@app.command()
def up() -> None:
    """Start the stack (PostgreSQL, sandbox, Airflow) and leave it running."""
    stack = _stack()
    if not stack.up():
        typer.echo("  it runs already")
    _print_address(stack)


@app.command()
def down() -> None:
    """Stop exactly what `up` started; the data stays."""
    Stack().down()
    typer.echo("The local stack is stopped, its data stays.")


@app.command()
def status() -> None:
    """What runs and where; exit code 1 when a part is missing."""
    stack = Stack()
    for service in stack.services:
        typer.echo(f"  {service.name:<14} {'runs' if service.running else 'does not run'}   log {service.log}")
    if not stack.running:
        typer.echo("The stack is not complete; `make up` starts what is missing.")
        raise typer.Exit(1)
    _print_address(stack)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running afterwards.")] = False,
) -> None:
    """Run both demo campaigns from list to Qolio and print the reconciled summary."""
    raise typer.Exit(run_demo(_stack(), Console(highlight=False), keep=keep))


@app.command()
def reconcile() -> None:
    """Compare the sandbox's journal with ledger, facts and deliveries; exit code 1 on a difference."""
    stack = Stack()
    with stack.connect() as conn:
        if conn.execute("select from ops.campaign_plan limit 1").fetchone() is None:  # a row without columns is empty
            typer.echo("Nothing to compare yet: no plan has been made. `make demo` runs two campaigns.")
            return
        agrees = print_comparisons(Console(highlight=False), compare(conn, stack.address.sandbox))
    raise typer.Exit(0 if agrees else 1)


@campaigns.command()
def check(files: Annotated[list[Path] | None, typer.Argument(help="All of include/campaigns if none.")] = None) -> None:
    """Validate campaign files as Airflow will; exit code 1 when one is broken."""
    folder = Path(os.environ.get("OBZVON_CAMPAIGNS") or Home.find().root / "include" / "campaigns")
    broken = 0
    for file in files or catalogue.files(folder):
        try:
            typer.echo(f"{file}: {catalogue.load(file).dag_id} is in order (its list is read when a run starts)")
        except CampaignFileError as error:
            broken += 1
            typer.echo(str(error), err=True)
    raise typer.Exit(1 if broken else 0)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the warehouse; further arguments are psql's."""
    stack = Stack()
    started = stack.server.start()
    try:
        environment = os.environ | libpq(stack.warehouse)
        done = subprocess.run([binaries() / "psql", *context.args], env=environment, check=False)  # noqa: S603
    finally:
        if started and not any(service.running for service in stack.services):
            stack.server.stop()
    raise typer.Exit(done.returncode)


@app.command()
def env() -> None:
    """Print export lines for a shell that is to use the `airflow` command: eval "$(python -m obzvon env)"."""
    for name, value in sorted(Stack().environment.items()):
        if name.startswith(("AIRFLOW", "OBZVON")) or name == "PATH":
            typer.echo(f"export {name}={shlex.quote(value)}")


add_commands(app)
add_discover(app)
add_stop(app)
add_rotate(app)
add_erase(app)
add_doctor(app)
add_registers(app)
add_lint(app)
add_metrics(app)
add_plan_command(app)
add_dictionary(app)
add_backup(app)


def _stack() -> Stack:
    stack = Stack(say=typer.echo)
    typer.echo(f"Local stack in {stack.home.folder}")
    return stack


def _print_address(stack: Stack) -> None:
    where = stack.address
    # the password of a server of one's own stays where it was written
    reached = {key: value for key, value in libpq(stack.warehouse).items() if key != "PGPASSWORD"}
    for name, value in (
        ("Airflow", where.web),
        ("pages", f"{where.web}/obzvon/"),
        ("user", where.user),
        ("password", where.password),
        ("sandbox", where.sandbox),
        ("SQL", " ".join(f"{key}={shlex.quote(value)}" for key, value in sorted(reached.items()))),
    ):
        typer.echo(f"  {name:<10} {value}")


def main() -> None:
    """Run a command; an error of ours is one sentence and exit code 1."""
    # `timeout make demo` and a stopped CI job end us politely: then what was started is stopped too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app()
    except ObzvonError as error:
        sys.stderr.write(f"Obzvon: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
