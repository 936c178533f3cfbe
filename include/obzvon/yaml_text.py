"""YAML that people wrote: plain values only, within bounds, and one error for whatever is wrong with it.

Bounds: the length of the text, the depth of the nesting, and the number of values where an alias counts as often as it
is used. Without the last one a page of aliases of aliases is billions of values ("billion laughs").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

__all__ = ["DEEPEST", "LONGEST", "MOST_VALUES", "BrokenYaml", "composed", "parsed"]

#: Characters of a text; the largest file that the project ships has a twentieth of it.
LONGEST = 256 * 1024
#: Levels of nesting.
DEEPEST = 40
#: Values and keys of a document, those behind an alias counted each time.
MOST_VALUES = 50_000
#: Levels that every stack holds.
_HARMLESS = 1_000


class BrokenYaml(ValueError):
    """The text is no YAML that is read here. The message says where and why in one line; `line` counts from 1."""

    def __init__(self, sentence: str, line: int | None = None) -> None:
        super().__init__(sentence)
        self.line = line


def parsed(text: str) -> Any:
    """The values of the one document in a text; None where it is empty. Raises BrokenYaml."""
    return _read(text, _Fast.construct_document, _Slow.construct_document)


def composed(text: str) -> yaml.Node | None:
    """The same document as nodes, which know their lines. Raises BrokenYaml."""
    node: yaml.Node | None = _read(text, lambda _, node: node, lambda _, node: node)
    return node


def _read(text: str, fast: Callable[[Any, Any], Any], slow: Callable[[Any, Any], Any]) -> Any:
    """By libyaml where PyYAML has it: half of a DAG's parse otherwise. Its complaints say less."""
    if len(text) > LONGEST:
        raise BrokenYaml(f"longer than {LONGEST} characters; cut it in several files")
    try:
        _look_before(text)
        return _through(_Fast, text, fast)
    except (yaml.YAMLError, RecursionError):  # the reader in Python says it better, and ends at a depth of its own
        pass
    try:
        return _through(_Slow, text, slow)
    except yaml.YAMLError as error:
        raise _complaint(error) from None
    except RecursionError:
        raise BrokenYaml(f"nested deeper than {DEEPEST} levels; write it flatter") from None


def _through(kind: Any, text: str, construct: Callable[[Any, Any], Any]) -> Any:
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _measure(node)
        return construct(loader, node)
    finally:
        loader.dispose()


def _look_before(text: str) -> None:
    """BrokenYaml where a text is too deep to be composed: libyaml's binding goes down by the stack of C, and its

    end is the end of the process. A text that cannot be deep by its brackets and the length of its lines is not read.
    """
    if text.count("[") + text.count("{") + 2 * max(map(len, text.splitlines()), default=0) < _HARMLESS:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_Fast):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise BrokenYaml(f"line {line}: nested deeper than {DEEPEST} levels; write it flatter", line)


def _complaint(error: yaml.YAMLError) -> BrokenYaml:
    """The reader's complaint in one line with its place."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return BrokenYaml("not valid YAML; check the characters of the file")
    line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
    return BrokenYaml(f"line {line}, column {column}: {error.problem}; correct the YAML there", line)


def _measure(root: yaml.Node) -> None:
    """ConstructorError where the document is too deep, too large with all its aliases, or holds itself."""
    sizes: dict[int, tuple[int, int]] = {}  # values and levels of a node, once they are known
    open_nodes: set[int] = set()
    todo = [root]
    while todo:
        node, key = todo[-1], id(todo[-1])
        children = [child for child in _children(node) if id(child) not in sizes]
        if key not in open_nodes and children:
            open_nodes.add(key)
            if any(id(child) in open_nodes for child in children):
                raise _refused("an alias stands inside of what it names", node)
            todo += children
            if len(open_nodes) > DEEPEST:
                raise _refused(f"nested deeper than {DEEPEST} levels", node)
            continue
        below = [sizes[id(child)] for child in _children(node)]
        size, levels = 1 + sum(size for size, _ in below), 1 + max((levels for _, levels in below), default=0)
        if size > MOST_VALUES:
            raise _refused(f"more than {MOST_VALUES} values, each alias counted as what it names", node)
        if levels > DEEPEST:
            raise _refused(f"nested deeper than {DEEPEST} levels", node)
        sizes[key] = size, levels
        open_nodes.discard(key)
        todo.pop()


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _refused(problem: str, node: yaml.Node) -> ConstructorError:
    return ConstructorError(None, None, problem, node.start_mark)


class _Plain(SafeConstructor):
    """Plain values, without the trap that the second of two equal keys silently wins."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise _refused(f"the key `{key.value}` stands here twice", key)
            seen.add(getattr(key, "value", None) if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)


def _finite(value: Any) -> Any:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _storable(value: Any) -> Any:
    """A text that can leave the process: half a pair of surrogates is no character, and no database takes a NUL."""
    if "\x00" in value:
        raise ValueError("NUL")
    value.encode()
    return value


def _checked(name: str, what: str, check: Callable[[Any], Any] = lambda value: value) -> None:
    """PyYAML lets the errors of Python's own types out, which know no line."""
    tag = f"tag:yaml.org,2002:{name}"
    construct = SafeConstructor.yaml_constructors[tag]

    def checked(loader: Any, node: Any) -> Any:
        try:
            return check(construct(loader, node))
        except (ValueError, LookupError, AttributeError, ArithmeticError, TypeError):
            problem = f"this is no {what}"
        raise _refused(problem, node)

    _Plain.add_constructor(tag, checked)


for _name, _what in (("bool", "yes or no"), ("int", "whole number"), ("timestamp", "date"), ("binary", "base64")):
    _checked(_name, _what)
_checked("float", "finite number", _finite)
_checked("str", "text that can be stored", _storable)


class _Slow(_Plain, yaml.SafeLoader):
    """In Python."""


class _Fast(_Plain, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """In C."""
