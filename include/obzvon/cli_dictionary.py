"""`obzvon dictionary`: the generated parts of the analysts' pages."""

from __future__ import annotations

import tempfile
from pathlib import Path

import typer

from obzvon.local.home import Home
from obzvon.local.postgres import Postgres

__all__ = ["add_dictionary"]


def add_dictionary(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dictionary)


def dictionary() -> None:
    """Write docs/data-dictionary.md and the model's picture in docs/analysts.md anew, from an empty warehouse."""
    # Alembic and SQLAlchemy: no other command waits for them
    from obzvon.warehouse import dictionary as pages  # noqa: PLC0415
    from obzvon.warehouse.db import connect  # noqa: PLC0415
    from obzvon.warehouse.migrate import migrate  # noqa: PLC0415

    docs = Home.find().root / "docs"
    with tempfile.TemporaryDirectory(prefix="obzvon-dictionary-") as folder:
        server = Postgres(Path(folder), durable=False)
        server.start()
        try:
            server.create_database("warehouse")
            migrate(server.url("warehouse"))
            with connect(server.url("warehouse")) as conn:
                (docs / "data-dictionary.md").write_text(pages.dictionary(conn), encoding="utf-8")
        finally:
            server.stop()
    analysts = docs / "analysts.md"
    analysts.write_text(pages.with_model(analysts), encoding="utf-8")
    typer.echo("docs/data-dictionary.md and the picture in docs/analysts.md are written")
