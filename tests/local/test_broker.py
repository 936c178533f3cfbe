"""The broker of Celery workers: a real Valkey that only its owner reaches."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from obzvon.errors import ConfigError
from obzvon.local.broker import Broker
from obzvon.local.home import Home
from obzvon.local.processes import Service, stop_all


@pytest.fixture
def broker() -> Iterator[Broker]:
    with tempfile.TemporaryDirectory(prefix="obzvon-broker-") as folder:
        home = Home(Path(folder), Path(folder) / "state")
        home.make()
        broker = Broker(home)
        yield broker
        stop_all([broker.service], 5)


def test_it_takes_messages_on_a_socket_of_its_owner_and_keeps_none_on_disk(broker: Broker) -> None:
    broker.start(os.environ)
    with Celery(broker=broker.url) as app, app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=20, interval_step=0.1)
        queue = connection.SimpleQueue("calls")
        queue.put({"n": 1})
        assert queue.get(timeout=5).payload == {"n": 1}
        server = connection.default_channel.client.info("server")
        config = connection.default_channel.client.config_get("*")
    assert server["server_name"] == "valkey"
    assert broker.socket.stat().st_mode & 0o777 == 0o700
    assert (config["port"], config["save"], config["appendonly"]) == ("0", "", "no")


def test_who_answers_are_its_workers_and_nobody_when_it_is_down(broker: Broker) -> None:
    assert broker.workers() == set()
    broker.start(os.environ)
    worker = Service("worker", broker.socket.parent, broker.socket.parent)
    words = ["-m", "celery", "--broker", broker.url, "worker", "--pool", "solo", "--hostname", "celery@one"]
    worker.start([sys.executable, *words], os.environ, broker.socket.parent)
    try:
        while not broker.workers():
            assert worker.running, worker.log.read_text()
        assert broker.workers() == {"one"}
    finally:
        stop_all([worker], 5)


def test_a_folder_whose_path_is_too_long_for_a_socket_is_named_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too long for a socket; set OBZVON_HOME"):
        Broker(Home(tmp_path, tmp_path / ("x" * 100))).start(os.environ)
