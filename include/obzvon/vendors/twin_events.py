"""TWIN's events: what a webhook's body tells, and the places of CALL_ENDED where a value may have several shapes.

Source: WK-HOOK and C-HOOK (names, delivery); public clients (fields of CALL_ENDED and CANDIDATE_CHANGED, `callbackData`
as an object, a list or JSON text). The bodies of the other events are not documented: of them only the ids are read,
where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from obzvon.errors import ContractBreak
from obzvon.vendors.base import Event
from obzvon.vendors.json_list import BrokenJson, document

__all__ = ["echoed_id", "read_event", "record_of", "talks"]

#: Real bodies nest five deep. What nests without end would end the reading of the page that it stands on.
DEEPEST = 32
#: Ids are UUIDs; what is longer is none, and would not fit an index.
LONGEST_ID = 200
ENDED, TURNED = "CALL_ENDED", "AUTOCALL_STATUS_CHANGED"


def read_event(body: bytes) -> Event:
    """What a body tells. ContractBreak for what is no JSON object, nests too deep, has no `event` or ids of no use."""
    said = _object(body)
    name = _id(said, "event")
    if name is None:
        raise ContractBreak("twin.event", "event", "is empty")
    task_id, call_id = _id(said, "taskId"), _id(said, "id") or _id(said, "lastCallId")
    if name == ENDED and call_id is None:
        raise ContractBreak("twin.event", "id", "is empty")
    return Event(name, task_id, call_id, ended=name == ENDED, turned=name == TURNED)


def echoed_id(value: Any) -> str | None:
    """Our id of the contact from `callbackData`, which comes back as we sent it, as JSON text, or not at all."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    places = value if isinstance(value, list) else [value]
    found = next((place["external_id"] for place in places if isinstance(place, dict) and "external_id" in place), None)
    return found.strip() or None if isinstance(found, str) else None


def record_of(result: Any) -> str | None:
    """The link to the recording, among the variables that the call began with."""
    first = result.get("initialVariables") if isinstance(result, dict) else None
    link = first.get("recordPath") if isinstance(first, dict) else None
    return link.strip() or None if isinstance(link, str) else None


def talks(flow: Any) -> Iterator[Any]:
    """The messages of each part of the dialogue."""
    for part in flow if isinstance(flow, list) else ():
        if isinstance(part, dict):
            yield part.get("messages")


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = document(body.decode())  # all of it, also what nobody reads: it becomes part of a page
    except (UnicodeDecodeError, BrokenJson):
        raise ContractBreak("twin.event", "body", "is not one JSON document") from None
    if not isinstance(said, dict):
        raise ContractBreak("twin.event", "body", "is not an object")
    if _too_deep(said):
        raise ContractBreak("twin.event", "body", f"nests deeper than {DEEPEST}")
    return said


def _too_deep(value: Any) -> bool:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            return True
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [item for items in inner for item in items]
    return False


def _id(said: dict[str, Any], field: str) -> str | None:
    value = said.get(field)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_ID or not value.isprintable():
        raise ContractBreak("twin.event", field, "is not an id")
    return value.strip() or None
