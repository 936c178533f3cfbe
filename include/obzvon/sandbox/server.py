"""The process: one socket, one uvicorn server, one line when it listens."""

from __future__ import annotations

import signal
import socket
import sys

import uvicorn

from obzvon.errors import ConfigError
from obzvon.sandbox.app import build
from obzvon.sandbox.middleware import CuttableProtocol
from obzvon.sandbox.process import READY
from obzvon.sandbox.settings import Settings


class _Server(uvicorn.Server):
    """Says on standard output where it listens, once it does."""

    address: str

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"{READY}{self.address}\n")
            sys.stdout.flush()


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. ConfigError when the port or the state folder is taken."""
    listener = _listen(host, port)
    config = uvicorn.Config(
        build(settings),
        http=CuttableProtocol,
        ws="none",
        log_level="warning",
        access_log=False,  # its lines would carry phones of query strings
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    server.address = f"http://{host}:{listener.getsockname()[1]}"
    for name in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops on these and then raises them again for whoever listened before: a stop is not a failure
        signal.signal(name, lambda *_: None)
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {host}:{port} ({error.strerror}); take another --port, 0 = any") from error
    return listener
