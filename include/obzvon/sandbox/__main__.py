"""`python -m obzvon.sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obzvon.errors import ConfigError
from obzvon.sandbox.server import serve
from obzvon.sandbox.settings import Settings


def main(
    state: Annotated[Path, typer.Option(help="Folder of its memory; made if missing, survives a restart.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 = any free one.")] = 8765,
    speed: Annotated[
        float, typer.Option(min=0, help="Virtual seconds per real second for a running campaign; 0 = stand still.")
    ] = 3600.0,
    seed: Annotated[int, typer.Option(help="The same seed gives every phone the same fate.")] = 7,
    dialog_token_seconds: Annotated[
        float, typer.Option(min=0, help="Real lifetime of a Dialog token.", show_default=True)
    ] = 30.0,
    twin_token_seconds: Annotated[
        float, typer.Option(min=0, help="Longest real lifetime of a TWIN token, whatever ttl asks for.")
    ] = 30.0,
    record_cap: Annotated[
        int, typer.Option(min=1, help="Most records TWIN's analytics shows for one period (documented: 50000).")
    ] = 50_000,
    page_cap: Annotated[
        int, typer.Option(min=1, help="Most rows of a page of TWIN's lists, whatever limit asks for.")
    ] = 1000,
) -> None:
    """Serve Dialog, TWIN and Qolio as one local HTTP server that obeys their documents.

    Prints one line, "sandbox ready on http://…", when it listens; the page at that address explains the rest.
    SIGTERM ends it cleanly.
    """
    settings = Settings(
        state=state,
        seed=seed,
        speed=speed,
        dialog_token_seconds=dialog_token_seconds,
        twin_token_seconds=twin_token_seconds,
        record_cap=record_cap,
        page_cap=page_cap,
    )
    try:
        serve(settings, host, port)
    except ConfigError as error:
        typer.echo(f"sandbox: {error}", err=True)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    typer.run(main)
