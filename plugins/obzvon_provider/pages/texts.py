"""The words of the pages in Russian and English. One file has them all: texts.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

__all__ = ["LANGUAGES", "Words", "language", "words"]

LANGUAGES = ("ru", "en")


class Words:
    """All words in one language. A group is a mapping of the file: `label("columns", "attempts")`."""

    def __init__(self, lang: str, texts: Mapping[str, Any]) -> None:
        self.lang = lang
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """A sentence, with values put in. KeyError for a key the file has not."""
        return str(self._texts["page"][key][self.lang]).format(**values)

    def label(self, group: str, code: object, default: str | None = None) -> str:
        """What a code is called; the code itself in plain words where nobody named it."""
        found = self._texts[group].get(str(code))
        if found:
            return str(found[self.lang])
        return default or str(code).replace("_", " ").capitalize()

    def named(self, group: str, code: object) -> bool:
        """True when the file names the code."""
        return str(code) in self._texts[group]


@cache
def words(lang: str) -> Words:
    """The words of a language."""
    texts = yaml.safe_load((Path(__file__).parent / "texts.yaml").read_text(encoding="utf-8"))
    return Words(lang, texts)


def language(chosen: str | None, accepted: str) -> str:
    """What the reader chose, else the first of Accept-Language that the pages speak, else English."""
    if chosen in LANGUAGES:
        return chosen
    ranked = sorted((_rank(part, place) for place, part in enumerate(accepted.split(","))), reverse=True)
    return next((code for weight, _, code in ranked if weight > 0 and code in LANGUAGES), "en")


def _rank(part: str, place: int) -> tuple[float, int, str]:
    tag, _, weight = part.strip().partition(";q=")
    try:
        return float(weight or 1), -place, tag[:2].lower()
    except ValueError:
        return 0.0, -place, ""
