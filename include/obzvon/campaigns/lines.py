"""On which line of a campaign file a key stands."""

from __future__ import annotations

from pathlib import Path

import yaml

from obzvon.yaml_text import BrokenYaml, composed

__all__ = ["Lines"]


class Lines:
    """The lines of one file. A file that is no YAML has none: every key is on its first line."""

    def __init__(self, path: Path) -> None:
        try:
            self._root: yaml.Node | None = composed(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, BrokenYaml):
            self._root = None  # whoever reads the campaign out of it says what is wrong with the file

    def of(self, key: str) -> int:
        """The line of a dotted key, counted from 1; that of the nearest part above it which the file has."""
        node, line = self._root, self._root.start_mark.line if self._root else 0
        while node is not None and (found := _below(node, key)):
            line, node, key = found
        return line + 1


def _below(node: yaml.Node, key: str) -> tuple[int, yaml.Node, str] | None:
    """The step down towards the key: the line, what stands there, and the rest of the key."""
    if isinstance(node, yaml.SequenceNode):
        number, _, rest = key.partition(".")
        here = node.value[int(number)] if number.isdecimal() and int(number) < len(node.value) else None
        return here and (here.start_mark.line, here, rest)
    if not isinstance(node, yaml.MappingNode):
        return None
    # names of variables and results are free and may have dots: of all that fit the longest is meant
    named = [(name, value) for name, value in node.value if isinstance(name, yaml.ScalarNode)]
    fits = [(name, value) for name, value in named if f"{key}.".startswith(f"{name.value}.")]
    if not fits:
        return None
    name, value = max(fits, key=lambda item: len(item[0].value))
    return name.start_mark.line, value, key[len(name.value) + 1 :]
