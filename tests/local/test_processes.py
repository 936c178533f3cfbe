"""What `up` started is found again by another command and stopped with all its children; strangers are left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from obzvon.local.processes import Service, stop_all, tail

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
#: Has a child in a process group of its own, as Airflow's tasks are.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print("ready", child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service("worker", tmp_path, tmp_path)
    yield made
    stop_all([made], 0)


def start(service: Service, code: str) -> str:
    """Start it and wait for its first line."""
    service.start([sys.executable, "-c", code], os.environ, service.log.parent)
    until(lambda: service.log.read_text().endswith("\n"))
    return service.log.read_text().strip()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "did not happen within 30 s"
        time.sleep(0.02)


def pid_of(service: Service) -> int:
    return int(json.loads(service.pid_file.read_text())["pid"])


def test_another_command_finds_the_process_by_its_pid_file(service: Service) -> None:
    start(service, SLEEPER)
    assert Service("worker", service.pid_file.parent, service.log.parent).running


def test_stopping_ends_the_process_and_forgets_it(service: Service) -> None:
    start(service, SLEEPER)
    pid = pid_of(service)
    stop_all([service], 10)
    assert not service.running
    assert not service.pid_file.exists()
    assert not psutil.pid_exists(pid)


def test_stopping_ends_children_in_groups_of_their_own(service: Service) -> None:
    child = int(start(service, PARENT).split()[1])
    stop_all([service], 0.2)
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_children_of_a_killed_process_are_still_stopped(service: Service) -> None:
    child = int(start(service, PARENT).split()[1])
    os.kill(pid_of(service), signal.SIGKILL)
    until(lambda: not service.running)
    stop_all([service], 0.2)
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_a_process_that_ignores_the_polite_signal_is_killed_after_the_grace(service: Service) -> None:
    start(service, STUBBORN)
    stop_all([service], 0.2)
    assert not service.running


def test_a_stranger_that_got_the_pid_later_is_neither_ours_nor_stopped(service: Service) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True) as stranger:
        identity = {"pid": stranger.pid, "began": "another boot:1", "folder": "/"}
        service.pid_file.write_text(json.dumps(identity))
        assert not service.running
        assert service.members() == []
        stop_all([service], 0.1)
        assert stranger.poll() is None
        stranger.kill()


def test_starting_what_runs_starts_nothing(service: Service) -> None:
    start(service, SLEEPER)
    pid = pid_of(service)
    service.start([sys.executable, "-c", SLEEPER], os.environ, service.log.parent)
    assert pid_of(service) == pid


def test_a_damaged_pid_file_means_not_running(service: Service) -> None:
    service.pid_file.write_text('{"pid": 1')
    assert not service.running
    assert service.members() == []


def test_the_log_of_the_run_before_is_kept_and_only_its_owner_reads_the_new_one(service: Service) -> None:
    start(service, "print('first run')")
    until(lambda: not service.running)
    start(service, SLEEPER)
    assert service.log.with_suffix(".log.1").read_text() == "first run\n"
    assert service.log.stat().st_mode & 0o777 == 0o600


def test_tail_gives_the_last_lines_that_say_something(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("one\n\ntwo\n   \nthree\n")
    assert tail(log, 2) == "two\nthree"
    assert tail(tmp_path / "none.log") == ""
