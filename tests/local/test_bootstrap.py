"""What the bootstrap decides before it installs anything: which Python, which venv to keep, whether there is work."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = sys.version_info[:2]


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path, bootstrap: ModuleType) -> Path:
    """A project whose venv is up to date without development packages."""
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    stamp(tmp_path, bootstrap.fingerprint(tmp_path, HERE, dev=False))
    return tmp_path


def stamp(project: Path, values: dict[str, str]) -> None:
    (project / ".venv" / "obzvon-stamp.json").write_text(json.dumps(values))


def interpreter(folder: Path, name: str, does: str) -> None:
    """A program on PATH that answers as a Python asked for its version."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)


def is_current(bootstrap: ModuleType, project: Path, *, dev: bool = False) -> bool:
    wanted = bootstrap.fingerprint(project, HERE, dev=dev)
    return bool(bootstrap.is_current(bootstrap.read_stamp(project / ".venv"), wanted))


@pytest.mark.parametrize(("version", "fits"), [((3, 10, 9), False), ((3, 11, 0), True), ((3, 13, 1), True)])
def test_supported_versions(bootstrap: ModuleType, version: tuple[int, ...], fits: bool) -> None:
    assert bootstrap.supported(version) is fits


def test_an_up_to_date_venv_is_left_as_it_is(
    bootstrap: ModuleType, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.prepare(project, dev=False)
    assert capsys.readouterr().out == ""
    assert not bootstrap.must_rebuild(project / ".venv", project, HERE)


@pytest.mark.parametrize("changed", ["requirements.txt", "pyproject.toml"])
def test_a_changed_lock_or_project_file_means_work(bootstrap: ModuleType, project: Path, changed: str) -> None:
    (project / changed).write_text("other")
    assert not is_current(bootstrap, project)


def test_development_packages_count_only_when_they_are_asked_for(bootstrap: ModuleType, project: Path) -> None:
    (project / "requirements-dev.txt").write_text("other")
    assert is_current(bootstrap, project)
    assert not is_current(bootstrap, project, dev=True)


def test_a_damaged_stamp_means_work(bootstrap: ModuleType, project: Path) -> None:
    (project / ".venv" / "obzvon-stamp.json").write_text("{")
    assert not is_current(bootstrap, project)


def test_a_venv_of_another_python_is_rebuilt(bootstrap: ModuleType, project: Path) -> None:
    assert bootstrap.must_rebuild(project / ".venv", project, (3, 99))


def test_a_venv_of_another_supported_python_is_kept_unless_a_python_was_named(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    other = (3, 12) if HERE == (3, 13) else (3, 13)
    interpreter(tmp_path / "bin", "python", f"echo {other[0]} {other[1]}")
    assert bootstrap.wanted_minor(tmp_path, exact=False) == other
    assert bootstrap.wanted_minor(tmp_path, exact=True) == HERE


def test_a_venv_of_an_unsupported_python_is_not_kept(bootstrap: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    interpreter(tmp_path / "bin", "python", "echo 3 9")
    assert bootstrap.wanted_minor(tmp_path, exact=False) == HERE


def test_a_venv_whose_python_is_gone_is_rebuilt(bootstrap: ModuleType, project: Path) -> None:
    (project / ".venv" / "bin" / "python").unlink()
    assert bootstrap.must_rebuild(project / ".venv", project, HERE)


def test_a_venv_of_a_moved_project_is_rebuilt(bootstrap: ModuleType, project: Path) -> None:
    stamp(project, bootstrap.fingerprint(project, HERE, dev=False) | {"root": "/where/it/was"})
    assert bootstrap.must_rebuild(project / ".venv", project, HERE)


def test_a_venv_without_a_stamp_is_completed_and_not_thrown_away(bootstrap: ModuleType, project: Path) -> None:
    (project / ".venv" / "obzvon-stamp.json").unlink()
    assert not bootstrap.must_rebuild(project / ".venv", project, HERE)


def test_the_newest_python_on_path_that_runs_replaces_an_unsupported_one(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interpreter(tmp_path, "python3.13", "echo 'pyenv: not installed' >&2; exit 127")
    interpreter(tmp_path, "python3.12", "echo 3 12")
    interpreter(tmp_path, "python3.11", "echo 3 11")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.another_python() == str(tmp_path / "python3.12")


def test_without_a_supported_python_one_sentence_says_what_to_do(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.SetupError, match=r"Obzvon needs Python 3\.11 to 3\.13: install one, or name it"):
        bootstrap.another_python()


def test_uv_is_told_the_index_that_pip_was_told(
    bootstrap: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example/simple")
    assert bootstrap.index_for_uv(project / ".venv", project) == {"UV_DEFAULT_INDEX": "https://pypi.example/simple"}
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://own.example/simple")
    assert bootstrap.index_for_uv(project / ".venv", project) == {}


def test_installers_do_not_see_what_would_lead_them_elsewhere(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_CACHE_DIR", "/cache")
    env = bootstrap.clean_environment()
    assert not {"PYTHONPATH", "PIP_TARGET"} & set(env)
    assert env["PIP_CACHE_DIR"] == "/cache"


def test_a_failed_installation_ends_with_the_installers_last_words(bootstrap: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no matching distribution"):
        bootstrap.run("sh", "-c", "echo no matching distribution >&2; exit 1", cwd=tmp_path)
