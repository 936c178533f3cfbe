"""The embedded server starts from any folder a person may have put the project into."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from obzvon.local.postgres import Postgres
from obzvon.local.servers import libpq


@pytest.mark.parametrize("name", ["short", "с пробелом и кириллицей 100%", "deep/" + "d" * 110])
def test_it_starts_and_answers_by_url_and_by_environment(tmp_path: Path, name: str) -> None:
    server = Postgres(tmp_path / name, durable=False)
    assert not server.running
    server.start()
    try:
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        settings = {key.removeprefix("PG").lower(): value for key, value in libpq(server.url("postgres")).items()}
        settings["dbname"] = settings.pop("database")
        with psycopg.connect(server.url("postgres")) as by_url, psycopg.connect(**settings) as by_settings:
            assert by_url.execute("select 1").fetchone() == by_settings.execute("select 1").fetchone() == (1,)
    finally:
        server.stop()
