"""Our own applications, asked what their OpenAPI allows and what it does not: no answer is a fault of the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode

from obzvon.sandbox.process import running_sandbox
from obzvon_provider.pages.access import may_read
from obzvon_provider.pages.app import create_pages
from obzvon_provider.pages.recordings import create_recordings

EXAMPLES = int(os.environ.get("OBZVON_FUZZ_EXAMPLES", "10"))


def asked(document: dict[str, Any], call: dict[str, Any], skip: str = "\0") -> dict[str, set[int]]:
    """The statuses that each operation answered with; `call`: how it is called."""
    schema = schemathesis.openapi.from_dict(document)
    schema.app = call.get("app")
    operations = [result.ok() for result in schema.get_all_operations()]
    return {each.label: _statuses(each, call) for each in operations if not each.path.startswith(skip)}


def asked_inside(app: FastAPI) -> dict[str, set[int]]:
    """The same of an application in this process, one that shows nobody its OpenAPI."""
    return asked(get_openapi(title=app.title, version="1", routes=app.routes), {"app": app})


def _statuses(operation: Any, call: dict[str, Any]) -> set[int]:
    seen = set[int]()

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
           | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))  # fmt: skip
    def ask(case: Any) -> None:
        answer = case.call(**{name: value for name, value in call.items() if name != "app"})
        seen.add(answer.status_code)
        assert answer.status_code < 500, (operation.label, answer.status_code, answer.content[:300])

    ask()
    return seen


def test_the_sandbox_never_answers_with_a_fault_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own process and over HTTP: its journal belongs to one thread."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with running_sandbox(tmp_path, speed=0) as sandbox:
        document = httpx.get(f"{sandbox.base_url}/openapi.json", trust_env=False).json()
        found = asked(document, {"base_url": sandbox.base_url}, skip="/_sandbox")  # which fails on purpose, when asked
    assert len(found) > 15
    assert all(statuses - {404} for statuses in found.values())


def test_the_pages_never_answer_with_a_fault_of_their_own(monkeypatch: pytest.MonkeyPatch, warehouse_dsn: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_READONLY", warehouse_dsn)
    app = create_pages()
    app.dependency_overrides[may_read] = lambda: None
    found = asked_inside(app)
    assert len(found) == 8
    assert all(200 in statuses for label, statuses in found.items() if "{" not in label)


def test_the_pages_tell_whoever_is_nobody_nothing_but_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE_READONLY", raising=False)
    assert set().union(*asked_inside(create_pages()).values()) <= {401, 405}


def test_a_recording_is_shown_by_a_link_that_was_signed_here_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_PHONE_SECRET", "s" * 40)
    monkeypatch.setenv("AIRFLOW_VAR_OBZVON_ARCHIVE", str(tmp_path))
    for statuses in asked_inside(create_recordings()).values():
        assert statuses <= {403, 405, 422}
