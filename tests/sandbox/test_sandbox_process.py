"""The sandbox as a process: start, stop, memory, tokens on the real clock."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_api import AUTO_CALL, QOLIO_CALLS, Api, dialog_report, phone_call

from obzvon.errors import ConfigError
from obzvon.sandbox.process import READY, Sandbox, running_sandbox, start_sandbox

pytestmark = pytest.mark.stack


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    long = {"twin_token_seconds": 600.0, "dialog_token_seconds": 600.0}
    with running_sandbox(tmp_path, speed=0, **long) as first, Api(first.base_url) as api:
        api.sign_in()
        campaign = api.dialog_campaign(30)
        api.advance(hours=4)
        before = api.report(campaign)
        api.post(QOLIO_CALLS, phone_call())
        tokens = api.tokens
    assert first.process.returncode == 0
    port = int(first.base_url.rpartition(":")[2])  # recordings are under the address
    with running_sandbox(tmp_path, speed=0, port=port) as second, Api(second.base_url) as api:
        api.tokens = tokens
        after = api.report(campaign)
        assert (after.json(), after.headers["date"]) == (before.json(), before.headers["date"])
        assert len(api.look("qolio/calls")) == 1
        assert len(api.look("requests", path="/campaigns")) == 1


def test_two_sandboxes_do_not_share_a_folder(process: Sandbox) -> None:
    with pytest.raises(ConfigError, match="another sandbox uses this folder"):
        start_sandbox(process.state)


def test_a_taken_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"cannot listen on .* take another --port"):
            start_sandbox(tmp_path, port=taken.getsockname()[1])


def test_a_token_lives_for_real_seconds_whatever_the_virtual_clock_does(tmp_path: Path) -> None:
    short = {"dialog_token_seconds": 0.0, "twin_token_seconds": 0.0}
    with running_sandbox(tmp_path, speed=0, **short) as running, Api(running.base_url) as api:
        api.sign_in()
        dialog = api.post("/dialog/api/analytics/1/report", dialog_report(1))
        twin = api.get(AUTO_CALL)
    assert (dialog.status_code, dialog.json()["message"]) == (401, "Token is expired")
    assert (twin.status_code, twin.json()["error"]) == (401, "Token is expired.")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_line_and_ends_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "obzvon.sandbox", "--port", "0", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        assert sandbox.stdout.readline().startswith(f"{READY}http://127.0.0.1:")
        os.kill(sandbox.pid, stop)
        out, errors = sandbox.communicate(timeout=60)
    assert (sandbox.returncode, out, errors) == (0, "", "")
