"""The numbering plan: which subject a Russian number was issued in, by exact range.

Source: the Ministry of Digital Development's register (opendata.digital.gov.ru/downloads/{ABC-3xx,ABC-4xx,ABC-8xx,
DEF-9xx}.csv): UTF-8 with BOM, `;`, header `АВС/ DEF;От;До;Емкость;Оператор;Регион;Территория ГАР;ИНН`.
The package carries an excerpt in that format; the whole register is a folder with the four files (setting
`OBZVON_NUMBERING_PLAN`). A number outside every range is simply not known: its contact may be anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from obzvon.contacts.regions import Subject, find, split, subjects
from obzvon.errors import ConfigError

SETTING = "OBZVON_NUMBERING_PLAN"
_HEADER = ["АВС/ DEF", "От", "До", "Регион", "Территория ГАР"]
_CODE, _FROM, _TO, _REGION, _TERRITORY = _HEADER
_CURE = f"download the register again or unset {SETTING}"
Places = tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class NumberingPlan:
    """Sorted, disjoint ranges of ten-digit national numbers; `places[place[i]]` are the subjects of range i."""

    starts: np.ndarray[tuple[int], np.dtype[np.int64]]
    ends: np.ndarray[tuple[int], np.dtype[np.int64]]
    place: np.ndarray[tuple[int], np.dtype[np.int64]]
    places: tuple[Places, ...]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The whole register from a folder with the Ministry's files. ConfigError: none, another format, overlaps."""
        paths = sorted(folder.glob("*.csv"))
        if not paths:
            raise ConfigError(f"{SETTING}: no CSV files in {folder}; put ABC-3xx, ABC-4xx, ABC-8xx and DEF-9xx there")
        return cls.from_files(paths)

    @classmethod
    def sample(cls) -> Self:
        """The excerpt that ships with the package: enough for the demo, not for a real list."""
        with as_file(files("obzvon.contacts").joinpath("data/numbering_plan_sample.csv")) as path:
            return cls.from_files([path])

    @classmethod
    def from_files(cls, paths: Iterable[Path]) -> Self:
        rows = pd.concat([_ranges(path) for path in paths], ignore_index=True).sort_values("start", kind="stable")
        overlap = rows["start"].to_numpy()[1:] <= rows["end"].to_numpy()[:-1]
        if overlap.any():
            first = rows.iloc[int(overlap.argmax()) + 1]
            raise ConfigError(f"{first['file']}: the range from {first['start']} overlaps another one; {_CURE}")
        place, texts = pd.factorize(rows["territory"])
        return cls(
            rows["start"].to_numpy(np.int64),
            rows["end"].to_numpy(np.int64),
            place.astype(np.int64),
            tuple(_places(text) for text in texts),
        )

    def lookup(self, e164: pd.Series[str]) -> Iterator[Places | None]:
        """The subjects of each `+7…` number, in order: one, several where the range serves several, None if unknown."""
        numbers = pd.to_numeric(e164.str[2:]).to_numpy(np.int64)
        at = np.searchsorted(self.starts, numbers, side="right") - 1
        known = (at >= 0) & (numbers <= self.ends[at])
        return (self.places[self.place[i]] if ok else None for i, ok in zip(at, known, strict=True))


@cache
def numbering_plan() -> NumberingPlan:
    """The plan in use, read once a process: the folder named by `OBZVON_NUMBERING_PLAN`, else the shipped excerpt."""
    folder = os.environ.get(SETTING)
    return NumberingPlan.load(Path(folder)) if folder else NumberingPlan.sample()


def _ranges(path: Path) -> pd.DataFrame:
    """Columns start, end, territory, file of one file of the register."""
    try:
        raw = pd.read_csv(
            path, sep=";", encoding="utf-8-sig", dtype="str", usecols=_HEADER, keep_default_na=False, quoting=3
        )
        starts = raw[_CODE].str.strip().astype("int64") * 10_000_000 + raw[_FROM].astype("int64")
        ends = raw[_CODE].str.strip().astype("int64") * 10_000_000 + raw[_TO].astype("int64")
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path.name}: not a file of the numbering plan ({type(error).__name__}); {_CURE}") from error
    territory = raw[_TERRITORY].where(raw[_TERRITORY].str.len() > 1, raw[_REGION])
    return pd.DataFrame({"start": starts, "end": ends, "territory": territory, "file": path.name})


def _places(text: str) -> Places:
    """The subjects of a territory; all of them where any part is not one («Российская Федерация», a new name)."""
    # «locality|district|subject»: the last part is the subject, or a list of subjects
    last = text.rsplit("|", maxsplit=1)[-1]
    whole = find(last)
    found = [whole] if whole else [find(part) for part in split(last)]
    return tuple(subject for subject in found if subject) if found and all(found) else subjects()
