"""A port nobody listens on: the preferred one, else any free one."""

from __future__ import annotations

import socket
from collections.abc import Iterable

__all__ = ["HOST", "free_port", "is_free"]

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """True when a server can listen on the port of the loopback address."""
    with socket.socket() as probe:
        # a server on the wildcard address lets another bind to 127.0.0.1 on some systems: ask first
        probe.settimeout(0.5)
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(preferred: Iterable[int] = ()) -> int:
    """The first free port of `preferred`, else one the system gives."""
    for port in preferred:
        if is_free(port):
            return port
    with socket.socket() as server:
        server.bind((HOST, 0))
        return int(server.getsockname()[1])
