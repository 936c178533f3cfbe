"""PostgreSQL's own programs in the version that a server needs: found on this machine, or named in the error."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from obzvon.errors import ConfigError, ObzvonError
from obzvon.local.postgres import binaries
from obzvon.local.servers import libpq

__all__ = ["Program", "Written", "dump", "listing", "load_dump", "program"]

#: A folder of programs that goes before every other one.
FOLDER = "OBZVON_PG_BIN"
BLOCK = 1 << 20
ASK_SECONDS = 60
#: Where Debian, Red Hat and Homebrew put versions side by side.
PACKAGES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_ENTRY = re.compile(r"from TOC entry \d+; \d+ \d+ (.+?) \S+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Program:
    """An executable and its major version."""

    path: Path
    major: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a dump is: bytes, and their sha256 in hex."""

    bytes: int
    sha256: str


def program(name: str, least: int, best: int) -> Program:
    """The program in version `best`, else the oldest one from `least` on. ConfigError when there is none."""
    found = [Program(path, major) for path in _candidates(name) if (major := _major(path)) is not None]
    fitting = [one for one in found if one.major >= least]
    if not fitting:
        seen = ", ".join(sorted({str(one.major) for one in found})) or "none"
        raise ConfigError(
            f"{name} of PostgreSQL {least} or newer is needed (found: {seen}): install the package"
            f" postgresql-client-{best}, or let {FOLDER} name the folder that has it"
        )
    return min(fitting, key=lambda one: (one.major != best, one.major))


def _candidates(name: str) -> Iterator[Path]:
    folders = [Path(given)] if (given := os.environ.get(FOLDER)) else []
    if on_path := shutil.which(name):
        folders.append(Path(on_path).parent)
    folders += [found for pattern in PACKAGES for found in Path("/").glob(pattern[1:])]
    with suppress(ConfigError):  # the wheel belongs to the local stack; a server has packages of its own
        folders.append(binaries())
    return (folder / name for folder in folders if (folder / name).is_file())


def _major(path: Path) -> int | None:
    try:
        done = subprocess.run(  # noqa: S603
            [path, "--version"], capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = _VERSION.search(done.stdout)
    return int(said[1]) if said else None


def _environment(dsn: str) -> dict[str, str]:
    """No password on a command line, and nobody is asked for one."""
    return os.environ | {"PGCONNECT_TIMEOUT": "15", "PGTZ": "UTC"} | libpq(dsn)


def dump(tool: Program, dsn: str, snapshot: str, out: IO[bytes]) -> Written:
    """Write the database as the snapshot sees it, in pg_dump's own compressed format. ObzvonError when it fails."""
    command: list[str | Path] = [
        tool.path,
        "--format=custom",
        f"--snapshot={snapshot}",
        "--no-password",
        "--lock-wait-timeout=60s",
    ]
    digest, size = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as told:
        with subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=told, env=_environment(dsn)
        ) as running:
            assert running.stdout is not None
            try:
                while block := running.stdout.read(BLOCK):
                    digest.update(block)
                    size += len(block)
                    out.write(block)
            except BaseException:
                running.kill()
                raise
        if running.returncode:
            told.seek(0)
            raise ObzvonError(f"pg_dump ended with code {running.returncode}: {_last(told.read())}")
    return Written(size, digest.hexdigest())


def listing(tool: Program, file: Path) -> list[str]:
    """The dump's table of contents: proof that it can be read to its end. ObzvonError when it cannot."""
    done = subprocess.run(  # noqa: S603
        [tool.path, "--list", file], capture_output=True, text=True, timeout=ASK_SECONDS, check=False
    )
    if done.returncode:
        raise ObzvonError(f"pg_restore cannot read the dump (code {done.returncode}): {_last(done.stderr.encode())}")
    return [line for line in done.stdout.splitlines() if line and not line.startswith(";")]


def load_dump(tool: Program, dsn: str, file: Path, contents: Path) -> None:
    """Load what `contents` lists of a dump into a database: all of it or, with an ObzvonError, nothing.

    The owner is who restores. The error names the entry that failed and no value: a failed row may hold a phone.
    """
    command: list[str | Path] = [
        tool.path, "--single-transaction", "--exit-on-error", "--no-owner", "--no-password",
        f"--use-list={contents}", "--dbname=", file,
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - hours are allowed: the server's own limits hold
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=_environment(dsn), check=False
    )
    if done.returncode:
        entry = _ENTRY.search(done.stderr)
        where = f" at {entry[1]}" if entry else ""
        raise ObzvonError(
            f"pg_restore ended with code {done.returncode}{where}; nothing was written. The server's log says why"
        )


def _last(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
