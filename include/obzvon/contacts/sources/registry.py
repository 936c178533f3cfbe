"""Which kinds of contact source exist. One more is a module and a line here: docs/add-a-contact-source.md."""

from __future__ import annotations

from functools import cache
from pkgutil import resolve_name

from obzvon.contacts.sources.base import Source

__all__ = ["SOURCES", "source_class", "source_classes", "source_of"]

#: `contacts.source.type` -> module and class, imported when a campaign file asks for it.
SOURCES = {
    "csv": "obzvon.contacts.sources.csv_file:CsvSource",
    "xlsx": "obzvon.contacts.sources.xlsx_file:XlsxSource",
    "parquet": "obzvon.contacts.sources.parquet_file:ParquetSource",
    "sql": "obzvon.contacts.sources.sql_query:SqlSource",
    "http": "obzvon.contacts.sources.http_pages:HttpSource",
}


def source_classes() -> dict[str, type[Source]]:
    """Every kind of source by its type."""
    return {kind: source_class(kind) for kind in SOURCES}


@cache
def source_class(kind: str) -> type[Source]:
    """The source of a type, or a ValueError that lists the types. TypeError: the line leads to no source."""
    if kind not in SOURCES:
        raise ValueError(f"unknown type {kind!r}; use one of {', '.join(map(repr, SOURCES))}")
    found = resolve_name(SOURCES[kind])
    if not (isinstance(found, type) and issubclass(found, Source)):
        raise TypeError(f"{SOURCES[kind]} is no Source; correct obzvon/contacts/sources/registry.py")
    return found


def source_of(value: object) -> Source:
    """The `contacts.source` part of a campaign file, validated by the keys of its kind."""
    if isinstance(value, Source):
        return value
    if not isinstance(value, dict):
        raise ValueError("write it as keys and values: {type: csv, path: lists/people.csv}")
    if not isinstance(value.get("type"), str):
        raise ValueError("missing its `type`; add one")
    return source_class(value["type"]).model_validate(value)
