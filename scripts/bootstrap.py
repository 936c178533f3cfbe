"""Makes `.venv` ready for `make`: locked packages with checked hashes, then this project itself.

    python3 scripts/bootstrap.py          what the stack needs
    python3 scripts/bootstrap.py --dev    and what tests and linters need
    python3 scripts/bootstrap.py --exact  with this very Python; else a venv of another supported one is kept

Standard library only, because it runs before anything is installed. A second run compares hashes and returns at once.
Nothing is written outside the project folder except the package caches of uv and pip, whose own environment variables
(UV_CACHE_DIR, PIP_CACHE_DIR, UV_DEFAULT_INDEX, PIP_INDEX_URL …) are obeyed.
"""

# ruff: noqa: S603, S606 (runs the installers, with arguments of its own)
from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)
RUNTIME, DEV, UV = "requirements.txt", "requirements-dev.txt", "scripts/uv.txt"
WANTED = f"Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"


class SetupError(Exception):
    """One sentence for the person at the terminal: what is wrong and what to do."""


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


# which Python -------------------------------------------------------------------------------------------------------


def supported(version: tuple[int, ...]) -> bool:
    return OLDEST <= tuple(version[:2]) <= NEWEST


def minor_of(python: str) -> tuple[int, ...] | None:
    """(3, 12) for an interpreter that runs, None for one that does not (a pyenv shim, a broken venv)."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else None


def another_python() -> str:
    """An interpreter on PATH that is supported, newest first."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and minor_of(found) == (3, minor):
            return found
    here = ".".join(map(str, sys.version_info[:3]))
    cure = "install one, or name it: make PYTHON=/path/to/python3.12"
    raise SetupError(f"{sys.executable} is Python {here}, Obzvon needs {WANTED}: {cure}")


# what is there already ----------------------------------------------------------------------------------------------


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint(root: Path, minor: tuple[int, ...], dev: bool) -> dict[str, str]:
    """What an up-to-date `.venv` was made from. A moved project counts as changed: its scripts name the old folder."""
    files = [RUNTIME, "pyproject.toml"] + ([DEV] if dev else [])
    return {"root": str(root), "python": ".".join(map(str, minor))} | {name: digest(root / name) for name in files}


def read_stamp(venv: Path) -> dict[str, str]:
    try:
        return dict(json.loads((venv / "obzvon-stamp.json").read_text()))
    except (OSError, ValueError):
        return {}


def is_current(stamp: dict[str, str], wanted: dict[str, str]) -> bool:
    return all(stamp.get(key) == value for key, value in wanted.items())


def must_rebuild(venv: Path, root: Path, minor: tuple[int, ...]) -> bool:
    """True when the venv cannot be kept: it belongs to another Python or folder, or its interpreter is gone."""
    if not venv.exists():
        return False
    return read_stamp(venv).get("root", str(root)) != str(root) or minor_of(str(venv / "bin" / "python")) != minor


# installing ---------------------------------------------------------------------------------------------------------


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would lead an installer to other packages or another venv."""
    foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    env = {key: value for key, value in os.environ.items() if key not in foreign}
    return env | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> None:
    """Run a command quietly; RuntimeError with its last words when it fails."""
    environment = clean_environment() | (env or {})
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
        raise RuntimeError("\n".join(lines[-12:]))


def index_for_uv(venv: Path, root: Path) -> dict[str, str]:
    """pip's configured package index for uv, which does not read pip's settings."""
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        return {}
    if "PIP_INDEX_URL" in os.environ:
        return {"UV_DEFAULT_INDEX": os.environ["PIP_INDEX_URL"]}
    own = venv / "bin" / "python"
    ask = [str(own) if own.exists() else sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(ask, cwd=root, env=clean_environment(), capture_output=True, text=True, check=False)
    return {"UV_DEFAULT_INDEX": done.stdout.strip()} if done.returncode == 0 and done.stdout.strip() else {}


def make_venv(venv: Path, root: Path) -> None:
    if (venv / "bin" / "python").exists():
        return
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            f"{sys.executable} cannot make a virtual environment because its ensurepip module is missing: "
            f"install it (Debian, Ubuntu: apt install python3-venv) or install uv, then run make again"
        )
    run(sys.executable, "-m", "venv", str(venv), cwd=root)


def own_uv(venv: Path, root: Path) -> str | None:
    """uv inside the venv, installed by pip; None where it cannot be had."""
    uv = venv / "bin" / "uv"
    try:
        if not uv.exists():
            run(str(venv / "bin" / "python"), "-m", "pip", "install", "-q", "--require-hashes", "-r", UV, cwd=root)
    except RuntimeError:
        return None
    return str(uv)


def install_with_uv(uv: str, venv: Path, root: Path, locks: list[str], env: dict[str, str]) -> None:
    python = str(venv / "bin" / "python")
    if not Path(python).exists():
        run(uv, "venv", "-q", "--no-project", "--python", sys.executable, str(venv), cwd=root, env=env)
    install = [uv, "pip", "install", "-q", "--python", python]
    wanted = [part for lock in locks for part in ("-r", lock)]
    # bytecode now, in parallel: else four Airflow processes compile the same modules at their first start
    run(*install, "--compile-bytecode", "--require-hashes", *wanted, cwd=root, env=env)
    run(*install, "--no-deps", "--no-build-isolation", "-e", ".", cwd=root, env=env)


def install_with_pip(venv: Path, root: Path, locks: list[str]) -> None:
    install = [str(venv / "bin" / "python"), "-m", "pip", "install", "-q"]
    wanted = [part for lock in locks for part in ("-r", lock)]
    # the lock is complete; a pip of 2023 would refuse a hash for `celery[redis]`, which a locked package asks for
    run(*install, "--no-deps", "--require-hashes", *wanted, cwd=root)
    run(*install, "--no-deps", "--no-build-isolation", "-e", ".", cwd=root)


def install(venv: Path, root: Path, locks: list[str]) -> str:
    """Install by the fastest way that works here; returns its name."""
    system_uv = shutil.which("uv")
    if system_uv:
        try:
            install_with_uv(system_uv, venv, root, locks, index_for_uv(venv, root))
        except RuntimeError:
            say("  uv cannot reach the package index, trying pip …")
            shutil.rmtree(venv, ignore_errors=True)  # uv's venv has no pip
        else:
            return "uv"
    make_venv(venv, root)
    uv = own_uv(venv, root)
    if uv and uv != system_uv:
        try:
            install_with_uv(uv, venv, root, locks, index_for_uv(venv, root))
        except RuntimeError:
            say("  uv cannot reach the package index, taking pip …")
        else:
            return "uv, fetched by pip"
    install_with_pip(venv, root, locks)
    return "pip"


# the whole of it ----------------------------------------------------------------------------------------------------


def wanted_minor(venv: Path, exact: bool) -> tuple[int, ...]:
    """The Python the venv should have: the one it has, unless the caller named another or it cannot be used."""
    there = minor_of(str(venv / "bin" / "python"))
    return there if there and supported(there) and not exact else sys.version_info[:2]


def prepare(root: Path, *, dev: bool, exact: bool = False) -> None:
    """Bring `root/.venv` to the state of the lock files. SetupError when that is not possible."""
    venv = root / ".venv"
    minor = wanted_minor(venv, exact)
    wanted = fingerprint(root, minor, dev)
    rebuild = must_rebuild(venv, root, minor)
    if is_current(read_stamp(venv), wanted) and not rebuild:
        return
    if rebuild:
        shutil.rmtree(venv)
    locks = [RUNTIME] + ([DEV] if dev else [])
    say(
        f"Installing the locked packages into .venv (Python {wanted['python']}; the first time takes a minute or two) …"
    )
    started = time.monotonic()
    try:
        way = install(venv, root, locks)
    except RuntimeError as error:
        raise SetupError(f"the packages could not be installed; the installer's last words:\n{error}") from error
    kept = {} if dev else {DEV: digest(root / DEV)} if read_stamp(venv).get(DEV) == digest(root / DEV) else {}
    (venv / "obzvon-stamp.json").write_text(json.dumps(wanted | kept, indent=1))
    say(f"  done in {time.monotonic() - started:.0f} s with {way}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make .venv ready.")
    parser.add_argument("--dev", action="store_true", help="also what tests and linters need")
    parser.add_argument("--exact", action="store_true", help="with this very Python: rebuild a venv of another one")
    options = parser.parse_args()
    try:
        if not supported(sys.version_info):
            python = another_python()
            os.execv(python, [python, __file__, *sys.argv[1:]])
        with (ROOT / "pyproject.toml").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` at once: the second waits and finds everything done
            prepare(ROOT, dev=options.dev, exact=options.exact)
    except SetupError as error:
        sys.stderr.write(f"Obzvon: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
