"""Transcripts as turns, from the shapes the vendors use.

A list of objects with `author` (or `role`) and `text` (TWIN, webhook flow and analytics `messages`), the same as JSON
text, or lines of the form `BOT: text` (TWIN, `messagesAsString`). A speaker nobody knows counts as the client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from obzvon.vendors.base import Turn
from obzvon.vendors.json_text import loaded

_LINE = re.compile(r"^\s*([^\W\d_][\w .-]{0,30}?)\s*:\s*(.*)$")


class Said(msgspec.Struct, gc=False):
    """An utterance as it mostly comes, which `turns` takes like the object; what has other moments does not decode."""

    text: str
    author: str | None = None
    role: str | None = None
    start: float | None = None
    end: float | None = None
    start_time: None = None
    end_time: None = None
    startTime: None = None  # noqa: N815
    endTime: None = None  # noqa: N815


def turns(value: Any, roles: Mapping[str, str]) -> tuple[Turn, ...]:
    """The dialogue in order. `roles` maps the vendor's word for a speaker to bot, client or operator."""
    if not value:
        return ()
    known = _folded(tuple(roles.items()))
    if isinstance(value, str):
        value = _from_text(value, known)
    if isinstance(value, dict):
        value = value.get("messages")
    return tuple(_turns(value, known)) if isinstance(value, list) else ()


# The same few roles name the speakers of every call.
@lru_cache(maxsize=1024)
def _folded(roles: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return {name.casefold(): role for name, role in roles}


def _turns(items: list[Any], known: Mapping[str, str]) -> Iterator[Turn]:
    for item in items:
        if type(item) is Said:
            if text := item.text.strip():
                name = item.author or item.role or ""
                role = known.get(name) or known.get(name.strip().casefold(), "client")
                yield Turn(role, text, item.start, item.end)
        elif isinstance(item, dict) and isinstance(said := item.get("text"), str) and (said := said.strip()):
            speaker = item.get("author") or item.get("role") or ""
            found = known.get(speaker) if isinstance(speaker, str) else None
            start = item["start"] if "start" in item else item.get("start_time", item.get("startTime"))
            end = item["end"] if "end" in item else item.get("end_time", item.get("endTime"))
            role = found or known.get(str(speaker).strip().casefold(), "client")
            yield Turn(role, said, _second(start), _second(end))


def _second(value: Any) -> float | None:
    if type(value) is Decimal:
        return float(value)
    try:
        return None if value is None or value is True or value is False else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _from_text(text: str, known: Mapping[str, str]) -> Any:
    """JSON text parsed, or the lines as messages; a line without a known speaker goes on with the turn before."""
    if text.lstrip().startswith(("[", "{")):
        try:
            return loaded(text)
        except ValueError:
            pass
    said: list[dict[str, str]] = []
    for line in text.splitlines():
        found = _LINE.match(line)
        if found and (found[1].casefold() in known or not said):
            said.append({"author": found[1], "text": found[2]})
        elif said:
            said[-1]["text"] += f"\n{line}"
        elif line.strip():
            said.append({"author": "", "text": line})
    return said
