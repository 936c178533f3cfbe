"""A sandbox in a process of its own, for tests and the local stack. Needs nothing but the standard library here."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from obzvon.errors import ConfigError

READY = "sandbox ready on "


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox. `base_url` has no trailing slash; the vendors are under `dialog`, `twin`, `qolio`."""

    base_url: str
    state: Path
    process: subprocess.Popen[str]

    @property
    def dialog(self) -> str:
        return f"{self.base_url}/dialog"

    @property
    def twin(self) -> str:
        return f"{self.base_url}/twin"

    @property
    def qolio(self) -> str:
        return f"{self.base_url}/qolio"

    @property
    def admin(self) -> str:
        return f"{self.base_url}/_sandbox"

    def stop(self) -> None:
        """End the process and wait for it."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_sandbox(state: Path, *, port: int = 0, timeout: float = 90.0, **options: float | str) -> Sandbox:
    """Start a sandbox and wait until it listens; `options` are those of the command line (`speed=0`, `seed=7` …).

    Its errors go to `state/sandbox.log`. ConfigError, with its own words, when it does not come up in `timeout` s.
    """
    state.mkdir(parents=True, exist_ok=True)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "obzvon.sandbox", "--port", str(port), "--state", str(state), *flags]
    log = state / "sandbox.log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603
    assert process.stdout is not None
    # a process that hangs before it listens is ended by the timer, which also ends the reading
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    if not line.startswith(READY):
        process.kill()
        process.wait()
        raise ConfigError(f"the sandbox did not start: {log.read_text().strip() or f'silent for {timeout:g} s'}")
    return Sandbox(line.removeprefix(READY).strip(), state, process)


@contextmanager
def running_sandbox(state: Path, *, port: int = 0, timeout: float = 90.0, **options: float | str) -> Iterator[Sandbox]:
    """A sandbox for the length of a `with`; see `start_sandbox`."""
    sandbox = start_sandbox(state, port=port, timeout=timeout, **options)
    try:
        yield sandbox
    finally:
        sandbox.stop()
        if sandbox.process.stdout is not None:
            sandbox.process.stdout.close()
