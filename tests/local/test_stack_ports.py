"""A stranger that answers on our port is not our stack, and costs another port, not a call to the stranger."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from obzvon.local.environment import Ports
from obzvon.local.home import Home
from obzvon.local.ports import HOST, free_port
from obzvon.local.processes import Service, stop_all
from obzvon.local.stack import PORT_TRIES, Stack, StackError

BEAT = "2100-01-01T00:00:00+00:00"
HEALTH = {name: {"status": "healthy", f"latest_{name}_heartbeat": BEAT} for name in ("scheduler", "triggerer")}
SERVER = (
    "import http.server as h; h.ThreadingHTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
)
SLEEPER = "import time; time.sleep(600)"


class Friendly(BaseHTTPRequestHandler):
    """Says yes to whatever is asked, as healthy as can be."""

    def do_GET(self) -> None:
        body = json.dumps(HEALTH).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def stranger(port: int) -> Iterator[None]:
    with ThreadingHTTPServer((HOST, port), Friendly) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class SandboxOnly(Stack):
    """A stack of which only the sandbox starts. On its first `robbed` choices of ports a stranger is quicker."""

    robbed = 0

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.chosen: list[int] = []
        self.strangers = ExitStack()
        super().__init__(Home(folder, folder / "state"), self.said.append, wanted=Ports(free_port(), free_port()))

    def _choose_ports(self) -> None:
        super()._choose_ports()
        self.chosen.append(self.ports.sandbox)
        if len(self.chosen) <= self.robbed:
            self.strangers.enter_context(stranger(self.ports.sandbox))

    def _migrate_warehouse(self) -> None:
        pass

    def _start_airflow(self) -> None:
        pass


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[SandboxOnly]:
    made = SandboxOnly(tmp_path)
    yield made
    stop_all(made.services, 1)
    made.strangers.close()


def start(service: Service, code: str) -> None:
    service.start([sys.executable, "-c", code], os.environ, service.log.parent)


def test_only_the_listener_of_the_service_itself_counts(tmp_path: Path) -> None:
    ours, other = (Service(name, tmp_path, tmp_path) for name in ("ours", "other"))
    port = free_port()
    try:
        start(ours, SERVER.format(port=port))
        start(other, SLEEPER)
        while not ours.listens(port):
            assert ours.running
        assert not other.listens(port)
        assert not ours.listens(free_port())
    finally:
        stop_all([ours, other], 1)


def test_a_strangers_healthy_airflow_is_not_ours(stack: SandboxOnly) -> None:
    start(stack.airflow["api-server"], SLEEPER)
    with stranger(stack.ports.web):
        assert not stack._healthy(None)


def test_a_port_lost_to_a_stranger_is_given_up_for_another(stack: SandboxOnly) -> None:
    stack.robbed = 1
    stack._start()
    first, second = stack.chosen
    assert first != second == stack.ports.sandbox
    assert stack.sandbox.listens(second)
    assert any("another program took the port of sandbox" in line for line in stack.said)


def test_whoever_loses_every_port_gives_up(stack: SandboxOnly) -> None:
    stack.robbed = 99
    with pytest.raises(StackError, match="sandbox ended while starting"):
        stack._start()
    assert len(stack.chosen) == PORT_TRIES
