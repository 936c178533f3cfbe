"""YAML that is made to hurt: every file is a campaign or a policy, or refused in one sentence, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from obzvon.campaigns.catalogue import load
from obzvon.campaigns.lines import Lines
from obzvon.errors import CampaignFileError, PolicyError
from obzvon.policy.model import load_policy
from obzvon.yaml_text import DEEPEST, LONGEST, BrokenYaml, parsed

TEN = ", ".join


def _laughs(levels: int, merge: str = "") -> str:
    """Ten aliases a level: ten to the power of levels values."""
    lines = ["a0: &a0 {x: 1}"]
    for level in range(1, levels):
        names = TEN([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{names}]}}" if merge else f"[{names}]"))
    return "\n".join(lines)


BOMBS = {
    "aliases of aliases": (_laughs(12), "each alias counted as what it names"),
    "merges of merges": (_laughs(12, merge="<<"), "each alias counted as what it names"),
    "an alias in itself": ("a: &a [*a]", "an alias stands inside of what it names"),
    "a key that is itself": ("&a\n? *a\n: 1", "an alias stands inside of what it names"),
    "deep lists": ("a: " + "[" * 600 + "]" * 600, "nested deeper than"),
    "deeper than libyaml goes": ("[" * 100_000, "nested deeper than"),
    "deep mappings": ("{a: " * 50_000, "nested deeper than"),
    "a text without end": ("a: " + "x" * LONGEST, "longer than"),
    "a number without end": ("a: " + "9" * 5_000, "this is no whole number"),
    "a date that is none": ("a: 2026-13-45", "this is no date"),
    "an offset that is none": ("a: 2001-12-14t21:59:43.10-99:99", "this is no date"),
    "a tag that does not fit": ("a: !!timestamp abc", "this is no date"),
    "an empty number": ("a: !!int ''", "this is no whole number"),
    "a yes that is none": ("a: !!bool perhaps", "this is no yes or no"),
    "no number": ("a: .nan", "this is no finite number"),
    "infinity": ("a: .inf", "this is no finite number"),
    "half a character": ('title: "\\ud83d"', "this is no text that can be stored"),
    "a NUL": ('title: "a\\0b"', "this is no text that can be stored"),
    "a Python object": ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_it_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    text, why = BOMBS[name]
    file = tmp_path / "bomb.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(BrokenYaml, match=why):
        parsed(text)
    with pytest.raises(CampaignFileError, match=why) as caught:
        load(file)
    assert "\n" not in str(caught.value)
    with pytest.raises(PolicyError, match=why):
        load_policy(file)
    assert Lines(file).of("vendor.attempts") >= 1


def test_aliases_that_people_write_are_taken() -> None:
    text = 'hours: &day {from: "09:00", to: "20:00"}\nweek: [*day, *day]\nlate: {<<: *day, to: "22:00"}\n'
    day = {"from": "09:00", "to": "20:00"}
    assert parsed(text) == {"hours": day, "week": [day, day], "late": {"from": "09:00", "to": "22:00"}}


def test_what_is_as_deep_as_allowed_is_taken() -> None:
    value = parsed("[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1))
    for _ in range(DEEPEST - 1):
        (value,) = value
    assert value == 1
