"""Who may know whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from obzvon.contacts.sources.registry import SOURCES

ROOT = Path(__file__).resolve().parents[1]
DOMAIN = ROOT / "include" / "obzvon"
PROVIDER = ROOT / "plugins" / "obzvon_provider"


def modules(*folders: Path) -> list[Path]:
    found = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    assert found
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", modules(DOMAIN), ids=lambda p: str(p.relative_to(DOMAIN)))
def test_the_domain_imports_no_airflow(path: Path) -> None:
    assert not {name for name in imports(path) if name.split(".")[0] in {"airflow", "obzvon_provider", "dags"}}


@pytest.mark.parametrize("path", modules(DOMAIN, PROVIDER), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    if "migrations" not in path.parts:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", modules(DOMAIN, PROVIDER, ROOT / "dags"), ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_stay_small_and_execute_stays_thin(path: Path) -> None:
    if "migrations" in path.parts:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= (30 if node.name in {"execute", "aexecute"} else 50), f"{node.name}: {length} lines"


def test_a_third_dialer_would_change_no_other_file() -> None:
    """Outside the vendors' own modules, their registry, the sandbox and the local stack nobody names a dialer."""
    own = [DOMAIN / name for name in ("vendors", "sandbox", "local")]
    others = [p for p in modules(DOMAIN, PROVIDER) if not any(p.is_relative_to(folder) for folder in own)]
    named = {str(p.relative_to(ROOT)): set(imports(p)) for p in others}
    specific = ("obzvon.vendors.dialog", "obzvon.vendors.twin")
    assert {path for path, names in named.items() if any(name.startswith(specific) for name in names)} == set()


def test_a_sixth_contact_source_would_change_no_other_file() -> None:
    """Outside the folder of sources nobody names a kind of source, but the reader of registers, whose files are CSV."""
    kinds = {target.partition(":")[0] for target in SOURCES.values()}
    own = DOMAIN / "contacts" / "sources"
    naming = {p.name for p in modules(DOMAIN, PROVIDER) if not p.is_relative_to(own) and kinds & set(imports(p))}
    assert naming == {"registers.py"}


def test_nothing_imports_from_the_dags_folder() -> None:
    for path in modules(DOMAIN, PROVIDER, ROOT / "tests"):
        assert not {name for name in imports(path) if name == "campaigns" or name.startswith("dags")}
