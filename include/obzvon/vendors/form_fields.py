"""Fields of a connection's form in Airflow's UI, one function a kind.

Shape: `conn-fields` of Airflow's provider schema. Airflow 3.3 draws a text box, a number, a switch, a list to choose
from, a JSON editor or a hidden text by `type`, `enum` and `format`; puts a star at a field whose type has no `null` and
saves nothing while it is empty; and folds the fields of one `section` away below its name. A field that was left empty
is saved as null, which every reader takes for its default. `default` is for what cannot be empty: switches and choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "EVENTS", "LIMITS", "LINKS", "LOGIN", "MUST", "PATHS", "PORT", "RECORDINGS", "ZONES", "budget", "choice", "flag",
    "json_object", "listed", "must", "number", "secret", "text", "timeouts", "zone",
]  # fmt: skip

Field = dict[str, Any]

MUST = "To be set"
LOGIN = "Another way to sign in"
PATHS = "Where the API differs"
RECORDINGS = "Copies of recordings"
LIMITS = "Limits and timeouts"
LINKS = "Links to the cabinet"
#: Airflow 3.3.1 and 3.3.2 send port 0 for none, and refuse to test a stored connection whose port is another one
#: (mended by apache/airflow#73298): so the port is asked for.
PORT = "443; the Test button needs it"
EVENTS = "Events by webhook"

#: Offered while typing; every IANA zone is taken.
ZONES = ("Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Krasnoyarsk",
         "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka")  # fmt: skip


def _field(label: str, description: str, section: str, kind: str, **schema: Any) -> Field:
    return {
        "label": label,
        "description": description,
        "schema": {"type": [kind, "null"], "section": section, **schema},
    }


def text(label: str, description: str, section: str, **schema: Any) -> Field:
    """A text that may be empty."""
    return _field(label, description, section, "string", **schema)


def must(label: str, description: str, **schema: Any) -> Field:
    """A text without which the connection cannot be saved."""
    return {"label": label, "description": description, "schema": {"type": "string", "section": MUST, **schema}}


def zone(label: str, description: str, *, optional: bool = False) -> Field:
    """An IANA time zone."""
    offered = {"examples": list(ZONES)}
    return text(label, description, MUST, **offered) if optional else must(label, description, **offered)


def secret(label: str, description: str, section: str) -> Field:
    """A text that the UI hides. Airflow masks it by the name of its key: one with `token` or `password` in it."""
    return text(label, description, section, format="password")


def number(label: str, description: str, section: str, *, least: float = 0, whole: bool = False) -> Field:
    """A number of at least `least`."""
    return _field(label, description, section, "integer" if whole else "number", minimum=least)


def flag(label: str, description: str, section: str, *, default: bool) -> Field:
    """A switch."""
    return _field(label, description, section, "boolean", default=default)


def choice(label: str, description: str, section: str, *values: str) -> Field:
    """One of some words; the first is the default."""
    return _field(label, description, section, "string", enum=list(values), default=values[0])


def listed(label: str, description: str, section: str) -> Field:
    """Some texts, a line each."""
    return _field(label, description, section, "array", items={"type": "string"})


def json_object(label: str, description: str, section: str) -> Field:
    """A JSON object."""
    return _field(label, description, section, "object")


def timeouts() -> Mapping[str, Field]:
    """How long a request may take, how long a read that failed is repeated, and how large an answer may be."""
    return {
        "connect_timeout": number("Connect timeout, s", "Name, connection and TLS; 10 when empty", LIMITS),
        "read_timeout": number("Read timeout, s", "Longest silence within an answer; 60 when empty", LIMITS),
        "total_timeout": number("Total timeout, s", "Longest request, streams excepted; 300 when empty", LIMITS),
        "retry_seconds": number("Repeat reads for, s", "How long a failed read is repeated; 300 when empty", LIMITS),
        "max_answer_mb": number("Largest answer, MiB", "Unpacked; a larger one is left; 256 when empty", LIMITS),
        "max_report_mb": number("Largest report, MiB", "Of a streamed report; 20480 when empty", LIMITS),
    }


def budget(rate: int) -> Mapping[str, Field]:
    """The account's request budget; `rate` is the default."""
    return {
        "requests_per_second": number(
            "Requests a second", f"Of all tasks and workers together; {rate} when empty, 0 = no limit", LIMITS
        ),
        "burst": number("Burst", "So many more in any second; a fifth of the above when empty", LIMITS, least=1),
    }
