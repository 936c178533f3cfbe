"""The subjects of the Russian Federation with their offsets, and how a written region name finds its subject.

The table is `data/regions.csv`: key (code of the State Address Register), name, offsets in hours, IANA names,
aliases.
Offsets follow the domain rules, section 1.6: eleven zones, +2 … +12, no daylight saving; Yakutia alone has three.
Baikonur is no subject but has its own code in the numbering plan, so it stands at the end of the table (key 99).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_TYPE_WORDS = frozenset(
    "республика респ р область обл аобл край кр автономный автономная автономного округ окр ао а о "  # noqa: SIM905
    "город города гор г народная федерального значения".split()
)
_SEPARATORS = re.compile(r"[|,;/*\n]|\s+и\s+", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[^0-9a-zа-я]+")


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject. `offsets` are minutes east of UTC, ascending; `tz_names` are the IANA zones that make them up."""

    region_key: int
    name: str
    offsets: tuple[int, ...]
    tz_names: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    @property
    def is_multi_tz(self) -> bool:
        return len(self.offsets) > 1


@cache
def subjects() -> tuple[Subject, ...]:
    """All subjects in the order of their keys: what `dwh.dim_region` is seeded from."""
    text = files("obzvon.contacts").joinpath("data/regions.csv").read_text("utf-8")
    return tuple(_subject(row) for row in csv.DictReader(text.splitlines()))


def _subject(row: dict[str, str]) -> Subject:
    return Subject(
        region_key=int(row["region_key"]),
        name=row["subject_name"],
        offsets=tuple(int(hours) * 60 for hours in row["offsets"].split(";")),
        tz_names=tuple(row["tz_names"].split(";")),
        aliases=tuple(alias for alias in row["aliases"].split(";") if alias),
    )


def stem(text: str) -> str:
    """A region name without case, punctuation and words such as «область»: `г. Санкт-Петербург` → `санкт петербург`."""
    words = _NOT_LETTERS.sub(" ", text.lower().replace("ё", "е")).split()
    return " ".join(dict.fromkeys(word for word in words if word not in _TYPE_WORDS))


@cache
def _by_stem() -> dict[str, Subject]:
    return {stem(name): subject for subject in subjects() for name in (subject.name, *subject.aliases)}


def find(text: str) -> Subject | None:
    """The subject that `text` names, or None."""
    return _by_stem().get(stem(text))


def split(text: str) -> list[str]:
    """The parts of a region text that may name a subject each, separators removed."""
    return [part for part in (piece.strip() for piece in _SEPARATORS.split(text)) if part]


def named(text: str) -> tuple[Subject, ...]:
    """Every subject a free text names (an address, `Москва и Московская область`); empty when none is recognised.

    Parts that are no subject (a street, a district) are ignored.
    """
    whole = find(text)
    if whole:
        return (whole,)
    found = (find(part) for part in split(text))
    return tuple(dict.fromkeys(subject for subject in found if subject))


def offsets_of(regions: tuple[Subject, ...]) -> tuple[int, ...]:
    """The union of the subjects' offsets, ascending."""
    return tuple(sorted({offset for region in regions for offset in region.offsets}))
