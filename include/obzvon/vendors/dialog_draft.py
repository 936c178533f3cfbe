"""A first draft of the `report` part of a campaign file, from what Dialog's report turns out to hold.

What the file maps already stays; the rest is guessed from types, names and captions, and marked as a guess: a person
who knows the project looks at it before anybody relies on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from obzvon.dispositions import Disposition
from obzvon.vendors.dialog_settings import Report
from obzvon.vendors.observed import ColumnSeen, Observation

__all__ = ["draft"]

D = Disposition
#: Role: the type of its column (empty: any) and words of its name or caption, the most telling first.
_ROLES = (
    ("phone", "", r"phone_?number|\bphone\b|телефон"),
    ("call_id", "", r"call_?id|id звонка"),
    ("external_id", "", r"external|client_?id|id клиента"),
    ("started_at", "datetime", r"start|begin|начал"),
    ("updated_at", "datetime", r"updat|modif|измен|обновл"),
    ("status", "text", r"status|статус|состояни"),
    ("ring_duration", "number", r"ring|wait|гудк|ожидани"),
    ("duration", "number", r"durat|talk|длительн|разговор"),
    ("cost", "number", r"cost|price|стоим|цена"),
    ("caller_id", "", r"caller|a_?number|исходящ"),
    ("transferred", "", r"transfer|перев[её]д|перевод"),
    ("record_url", "text", r"record|audio|запис"),
    ("dialog", "dialog", r""),
)
_RESULT = r"result|outcome|goal|цель|результат|итог"
#: Words of a status and what it probably means; the first that fits.
_WORDS = (
    (r"набор|очеред|ид[её]т|ожида|dial|progress|queue|process", D.PENDING),
    (r"нет ответа|не отве|no.?answer", D.NO_ANSWER),
    (r"занят|busy", D.BUSY),
    (r"недоступ|вне зоны|unavail", D.UNAVAILABLE),
    (r"автоответ|машин|machine|voice.?mail", D.VOICEMAIL),
    (r"ч[её]рн|black", D.VENDOR_BLACKLIST),
    (r"230|запрет", D.VENDOR_LAW_BLOCK),
    (r"не существ", D.INVALID_NUMBER),
    (r"неверн|некоррект|invalid", D.EXCL_INVALID),
    (r"отмен|cancel", D.CANCELLED),
    (r"ошибк|сбой|превыш|error|fail|congest", D.NETWORK_ERROR),
    (r"разговор|отве[тч]|успе|answer|talk|human", D.RPC_NO_RESULT),
)


def draft(report: Report, seen: Observation) -> str:
    """YAML of `vendor.report`. Lines that end in `# guessed` or `# ?` want a person's eye."""
    roles = _roles(report, seen)
    results = {name: key for name, key in report.fields.results.items() if seen.named(key)}
    taken = {column.field for column, _ in roles.values()} | set(results.values())
    guessed = [c for c in seen.columns if c.field not in taken and (c.kind == "goal" or _says(c, _RESULT))]
    lines = ["report:", *_head(report), "  fields:"]
    lines += [f"    {role}: {_text(column.field)}{_mark(sure)}" for role, (column, sure) in roles.items()]
    if results or guessed:
        lines.append("    results:")
        lines += [f"      {_text(name)}: {_text(key)}" for name, key in results.items()]
        lines += [f"      {_text(column.field)}: {_text(column.field)}{_mark(False)}" for column in guessed]
    taken |= {column.field for column in guessed}
    lines += [f"    # not read: {_about(column, seen)}" for column in seen.columns if column.field not in taken]
    lines += ["  statuses:", *_statuses(report, roles["status"][0] if "status" in roles else None)]
    if report.roles:
        lines += ["  roles:", *(f"    {_text(name)}: {role}" for name, role in report.roles.items())]
    return "\n".join(lines) + "\n"


def _roles(report: Report, seen: Observation) -> dict[str, tuple[ColumnSeen, bool]]:
    """Which column holds what; True where the file says so."""
    mapped = report.fields.model_dump(exclude={"results"}, exclude_none=True)
    known = {role: column for role, key in mapped.items() if (column := seen.named(key))}
    taken = {column.field for column in known.values()} | set(report.fields.results.values())
    found: dict[str, tuple[ColumnSeen, bool]] = {}
    for role, kind, words in _ROLES:
        if role in known:
            found[role] = (known[role], True)
            continue
        fits = [c for c in seen.columns if c.field not in taken and kind in ("", c.kind) and _says(c, words)]
        if fits:
            found[role] = (fits[0], False)
            taken.add(fits[0].field)
    return found


def _says(column: ColumnSeen, words: str) -> bool:
    return re.search(words, f"{column.field} {column.caption}".lower()) is not None


def _head(report: Report) -> Iterator[str]:
    if report.timezone:
        yield f"  timezone: {report.timezone}"
    if report.datetime_format:
        yield f"  datetime_format: {_text(report.datetime_format)}"


def _statuses(report: Report, column: ColumnSeen | None) -> Iterator[str]:
    seen = column.every_word if column else {}
    meaning = {text.casefold(): code for text, code in report.statuses.items()}
    for text, code in report.statuses.items():
        yield f"    {_text(text)}: {code}"
    for text, rows in sorted(seen.items(), key=lambda each: (-each[1], each[0])):
        if text.casefold() not in meaning:
            guess = next((code for words, code in _WORDS if re.search(words, text.lower())), D.UNKNOWN)
            yield f"    {_text(text)}: {guess}  # {'?' if guess is D.UNKNOWN else 'guessed'}, {rows} rows"


def _about(column: ColumnSeen, seen: Observation) -> str:
    caption = f" «{column.caption}»" if column.caption else ""
    return f"{_text(column.field)}{caption}, {column.kind}, filled in {column.filled} of {seen.rows} rows"


def _mark(sure: bool) -> str:
    return "" if sure else "  # guessed"


def _text(value: str) -> str:
    """A scalar as YAML writes it in one line."""
    return str(yaml.safe_dump(value, allow_unicode=True, width=10_000)).removesuffix("\n").removesuffix("\n...")
