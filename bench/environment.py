"""Where measured processes run: our virtual environment, and one of the peers' own beside it."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

__all__ = ["OURS", "ROOT", "environment", "install", "machine", "missing", "peers_python", "versions"]

ROOT = Path(__file__).resolve().parents[1]
OURS = Path(sys.executable)
LOCK = Path(__file__).parent / "requirements.txt"
FOLDER = ROOT / ".venv-bench"
STAMP = FOLDER / "obzvon-stamp"
#: Distributions whose versions stand in a result.
NAMED = (
    "aiohttp", "apache-airflow", "apache-airflow-providers-http", "apache-airflow-providers-postgres", "dlt", "duckdb",
    "httpx", "msgspec", "orjson", "pandas", "psycopg", "pydantic", "requests", "sqlalchemy",
)  # fmt: skip


def peers_python() -> Path:
    """The interpreter of the peers' environment, there or not."""
    return FOLDER / "bin" / "python"


def install() -> None:
    """Bring the peers' environment to the state of its lock file; does nothing when it has that."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if peers_python().exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    own = OURS.parent / "uv"
    uv = shutil.which("uv") or (str(own) if own.exists() else None)
    if uv:
        commands = [
            [uv, "venv", "-q", "--no-project", "--python", str(OURS), str(FOLDER)],
            # bytecode now: a peer that imports late would compile within its measured time
            [
                *(uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(peers_python())),
                *("--require-hashes", "-r", str(LOCK)),
            ],
        ]
    else:
        commands = [
            [str(OURS), "-m", "venv", str(FOLDER)],
            [str(peers_python()), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(LOCK)],
        ]
    for command in commands:
        subprocess.run(command, cwd=ROOT, check=True)
    STAMP.write_text(wanted)


@cache
def installed() -> dict[str, str]:
    """Distributions of the peers' environment with their versions, by lower-case name; none without it."""
    found = [
        (each.metadata["Name"].lower(), each.version)
        for folder in FOLDER.glob("lib/python*/site-packages")
        for each in metadata.distributions(path=[str(folder)])
    ]
    return dict(found)


def missing(names: Sequence[str]) -> tuple[str, ...]:
    """Those of the distributions that the peers' environment has not."""
    return tuple(name for name in names if name not in installed())


def environment(peer: bool) -> dict[str, str]:
    """Variables of a measured process; a peer's Airflow gets a folder of its own and no network of ours."""
    gone = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    env = {key: value for key, value in os.environ.items() if key not in gone}
    env |= {"PYTHONHASHSEED": "0", "TZ": "UTC", "DO_NOT_TRACK": "1", "RUNTIME__DLTHUB_TELEMETRY": "false"}
    if peer:
        env |= {"AIRFLOW_HOME": str(FOLDER / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    return env


def versions() -> dict[str, str]:
    """Versions of what is measured: ours, and the peers' where they differ."""
    found = {name: metadata.version(name) for name in NAMED if _has(name)}
    found |= {f"{name} (peers)": v for name in NAMED if (v := installed().get(name)) and v != found.get(name)}
    return dict(sorted(found.items()))


def machine(postgres: str | None) -> dict[str, Any]:
    """What a figure was measured on, and when (UTC)."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "cpus": psutil.cpu_count(),
        "cpu": _cpu(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": postgres,
        "versions": versions(),
    }


def _has(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _commit() -> str | None:
    """The commit that was measured, with a `+` where files differ from it; None outside of a clone."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return None
    changed = subprocess.run(
        [*git, "diff", "--quiet", "HEAD", "--", "include", "plugins", "dags", "bench/*.py", "bench/peers"], check=False
    )
    return head.stdout.strip() + ("+" if changed.returncode else "")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
