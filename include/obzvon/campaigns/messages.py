"""What pydantic finds wrong with a campaign file, in sentences that name the key and the cure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.sources.base import Source
from obzvon.errors import Fault
from obzvon.vendors.settings import VendorSettings

Loc = Sequence[str | int]


def explain(error: ValidationError, data: dict[str, Any]) -> list[Fault]:
    """What is wrong and the cure of every fault, in the order of the file. `data` is what was validated."""
    return [Fault(_key(_place(fault), data), _sentence(fault, data)) for fault in error.errors()]


def _place(fault: ErrorDetails) -> Loc:
    # a key that is no text has no name to show: the part that holds it is named
    return fault["loc"][:-1] if fault["type"] == "invalid_key" else fault["loc"]


def _sentence(fault: ErrorDetails, data: dict[str, Any]) -> str:
    kind, ctx = fault["type"], fault.get("ctx", {})
    if kind == "missing":
        return "missing; add this key"
    if kind == "extra_forbidden":
        return _unknown(fault["loc"], data)
    if kind == "invalid_key":
        return f"YAML reads one of these keys as {fault['input']!r}; write it in quotes"
    if kind == "value_error":
        return str(ctx["error"])
    if kind == "string_pattern_mismatch" and fault["loc"] == ("name",):
        return "use small Latin letters, digits and _, beginning with a letter, at most 61 characters"
    if kind == "model_type" and (example := _as_mapping(fault["loc"], fault["input"])):
        return f"write it as keys and values: {example}{_found(fault['input'])}"
    return f"{_lower(fault['msg'])}{_found(fault['input'])}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _found(value: object) -> str:
    return f", not {value!r}" if isinstance(value, str | int | float | bool) or value is None else ""


def _as_mapping(loc: Loc, value: object) -> str:
    """The mapping that a lone word was meant for, `{mode: copy}`; empty where no key of the part takes the word."""
    fields = [item for model in _models_at(loc) for item in model.model_fields.items()]
    words = {name: get_args(field.annotation) for name, field in fields if get_origin(field.annotation) is Literal}
    keys = [name for name, allowed in words.items() if value in allowed]
    return f"{{{keys[0]}: {value}}}" if len(keys) == 1 else ""


def _unknown(loc: Loc, data: dict[str, Any]) -> str:
    known = sorted(_known_keys(loc[:-1], data))
    near = get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    cure = f"did you mean `{near[0]}`?" if near else "remove it; known here: " + ", ".join(known)
    return f"unknown key; {cure}"


def _key(loc: Loc, data: object) -> str:
    """The dotted path as it stands in the file: pydantic's own steps (the member of a union it tried) are left out."""
    return ".".join(str(step) for step in _steps(loc, data)) or "the file"


def _steps(loc: Loc, data: object) -> Iterator[str | int]:
    for at, step in enumerate(loc):
        present = _has(data, step)
        if present or at == len(loc) - 1:
            yield step
        if present:
            data = data[step]  # type: ignore[index]  # `_has` looked


def _has(data: object, step: str | int) -> bool:
    if isinstance(data, dict):
        return step in data
    return isinstance(data, list) and isinstance(step, int) and step < len(data)


def _known_keys(loc: Loc, data: dict[str, Any]) -> set[str]:
    """The keys that the models allow at a place of the file."""
    chosen = _of_type(_models_at(loc), _at(loc, data))
    return {field.alias or name for model in chosen for name, field in model.model_fields.items()}


def _models_at(loc: Loc) -> set[type[BaseModel]]:
    """The models whose part of the file this is."""
    models: set[type[BaseModel]] = {CampaignSpec}
    for step in loc:
        models = set(_below(models, step)) or _tagged(models, step)
    return models


def _below(models: Iterable[type[BaseModel]], step: str | int) -> Iterator[type[BaseModel]]:
    for model in models:
        for name, field in model.model_fields.items():
            if step in (name, field.alias):
                yield from _models_in(field.annotation)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that an annotation mentions; for settings found through a registry, those of all its lines."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        if issubclass(annotation, VendorSettings | Source):
            for heir in annotation.__subclasses__():
                yield from _models_in(heir)
    for part in () if get_origin(annotation) is Literal else get_args(annotation):
        yield from _models_in(part)


def _tagged(models: set[type[BaseModel]], step: str | int) -> set[type[BaseModel]]:
    """A step that is no key: a place in a list, a key of a mapping, or pydantic's name for a member of a union."""
    named = {model for model in models if step in (_literal(model, "type"), model.__name__)}
    return named or models


def _of_type(models: set[type[BaseModel]], value: object) -> set[type[BaseModel]]:
    """The models that agree with what the file says of `type` and `api`."""
    if not isinstance(value, dict):
        return models
    said = {key: value[key] for key in ("type", "api") if key in value}
    return {m for m in models if all(_literal(m, key) in (None, word) for key, word in said.items())} or models


def _literal(model: type[BaseModel], key: str) -> object:
    field = model.model_fields.get(key)
    words = get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
    return words[0] if len(words) == 1 else None


def _at(loc: Loc, data: object) -> object:
    for step in loc:
        if _has(data, step):
            data = data[step]  # type: ignore[index]  # `_has` looked
    return data
