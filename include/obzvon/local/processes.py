"""Processes that outlive the command that started them, and are found again without mistaking a stranger for one.

A pid alone is not an identity: the system gives it to another process later. Each pid file therefore holds the moment
the process began, and every process leads a session of its own, so that its children are known too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from obzvon.local.secrets import write_private

__all__ = ["Service", "own_name", "stop_all", "tail"]

TICK = 0.05
#: Tells a process which service it belongs to.
NAME = "OBZVON_SERVICE"


def own_name() -> str:
    """The name of the service that this process belongs to; outside of one that of the machine."""
    return os.environ.get(NAME) or socket.gethostname()


@dataclass(frozen=True, slots=True)
class Identity:
    """A process as the pid file knows it."""

    pid: int
    began: str
    folder: str  # working directory, which children inherit


def _began(pid: int) -> str | None:
    """When a process began, in a form that no later process with the same pid can have; None if there is none."""
    try:
        # ticks since boot do not move when the wall clock is set, as psutil's seconds do
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        try:
            return str(psutil.Process(pid).create_time())
        except psutil.Error:
            return None
    return f"{boot}:{after_name[19]}"


class Service:
    """One long-running process: `name`, its pid file in `run`, its log in `logs`."""

    def __init__(self, name: str, run: Path, logs: Path) -> None:
        self.name, self.pid_file, self.log = name, run / f"{name}.json", logs / f"{name}.log"

    def start(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        """Start it in a session of its own unless it runs; the log of the run before is kept as `.1`."""
        if self.running:
            return
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
            child = subprocess.Popen(  # noqa: S603
                command,
                env={**env, NAME: self.name},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        identity = {"pid": child.pid, "began": _began(child.pid) or "", "folder": str(folder.resolve())}
        write_private(self.pid_file, json.dumps(identity))

    def _identity(self) -> Identity | None:
        try:
            return Identity(**json.loads(self.pid_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def running(self) -> bool:
        """True while the process that `start` started lives; a stranger with its pid does not count."""
        known = self._identity()
        return known is not None and _alive(known)

    def members(self) -> list[int]:
        """Pids of the process and of everything in its session that still lives."""
        known = self._identity()
        if known is None:
            return []
        leader = _began(known.pid)
        if leader is not None and leader != known.began:
            return []  # the pid belongs to somebody else now, so ours and all its children are gone
        return [pid for pid in psutil.pids() if _belongs(pid, known, leader is not None)]

    def listens(self, port: int) -> bool:
        """True when the socket that listens on the port belongs to this service; a stranger's does not count."""
        return any(port in _listening(pid) for pid in self.members())

    def forget(self) -> None:
        """Remove the pid file."""
        if known := self._identity():
            _reap(known.pid)
        self.pid_file.unlink(missing_ok=True)


def _reap(pid: int) -> None:
    """Let a dead child of this very process go; another process's child is none of our business."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _alive(known: Identity) -> bool:
    if _began(known.pid) != known.began:
        return False
    _reap(known.pid)
    try:
        return bool(psutil.Process(known.pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _belongs(pid: int, known: Identity, leader_lives: bool) -> bool:
    try:
        if os.getsid(pid) != known.pid:
            return False
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and (leader_lives or process.cwd() == known.folder)
    except (psutil.Error, OSError):
        return False


def _listening(pid: int) -> set[int]:
    try:
        sockets = psutil.Process(pid).net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return set()
    return {one.laddr.port for one in sockets if one.status == psutil.CONN_LISTEN and one.laddr}


def stop_all(services: Iterable[Service], grace: float) -> None:
    """SIGTERM to all leaders at once, after `grace` seconds SIGKILL to whatever is left of their sessions."""
    services = list(services)
    for service in services:
        known = service._identity()
        if known is not None and _alive(known):
            _signal([known.pid], signal.SIGTERM)
    _wait(lambda: not any(service.members() for service in services), grace)
    _signal([pid for service in services for pid in service.members()], signal.SIGKILL)
    _wait(lambda: not any(service.members() for service in services), 5)
    for service in services:
        service.forget()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _wait(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(TICK)


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log that say something, for a message to a person."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
