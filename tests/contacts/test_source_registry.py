"""Kinds of contact source are found by their type, and cost nothing before a list is read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from obzvon.contacts.sources import registry
from obzvon.contacts.sources.registry import source_class, source_classes, source_of

#: Prints what of the readers' libraries the keys of all sources bring in.
LOADED = """
import sys
from obzvon.contacts.sources.registry import source_classes
assert len(source_classes()) >= 5
print([name for name in ("pandas", "pyarrow", "openpyxl") if name in sys.modules])
"""


def test_every_line_leads_to_a_source_of_its_type() -> None:
    for kind, source in source_classes().items():
        assert source.model_fields["type"].annotation.__args__ == (kind,)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("lists/people.csv", "write it as keys and values"),
        ({"path": "x"}, "missing its `type`"),
        ({"type": "xls"}, "unknown type 'xls'; use one of 'csv', 'xlsx', 'parquet', 'sql', 'http'"),
    ],
)
def test_what_is_no_source_is_said_with_its_cure(value: object, said: str) -> None:
    with pytest.raises(ValueError, match="^" + said):
        source_of(value)


def test_a_line_that_leads_elsewhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SOURCES, "odd", "obzvon.contacts.table:Table")
    with pytest.raises(TypeError, match="is no Source; correct"):
        source_class("odd")


def test_the_keys_of_all_sources_are_known_without_what_reads_them() -> None:
    """A DAG file is parsed again and again; what reads lists is imported by the plan alone."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
