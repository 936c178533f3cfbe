"""What a kind of contact source is: its keys in a campaign file, and how it becomes a `Table`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from obzvon.contacts.sources.connections import Connections
from obzvon.contacts.table import Table
from obzvon.errors import ListError

__all__ = ["Opening", "Source"]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a source is opened with.

    `base`: what a relative path is relative to (the project's root). `wanted`: the columns that the campaign file
    names; a source that can leave the others unread may do so, as long as it names them all.
    """

    base: Path
    connections: Connections
    wanted: frozenset[str]

    def existing(self, path: str) -> Path:
        """The whole path of a file that can be read, or a ListError."""
        full = self.base / path
        try:
            with full.open("rb") as stream:
                stream.read(1)
        except FileNotFoundError as error:
            raise ListError(
                f"{path}: no such file under {self.base}; put the list there or correct `contacts.source.path`"
            ) from error
        except OSError as error:
            raise ListError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
        return full


class Source(BaseModel, ABC):
    """Base of the settings of a kind of source: the keys below `contacts.source`, unknown ones refused.

    Campaign files are read at every parse of the DAGs: a module that only reading a list needs is imported by `open`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    type: str

    @abstractmethod
    def open(self, opening: Opening) -> AbstractContextManager[Table]:
        """The list, streaming: memory does not grow with it.

        ListError, one sentence with cause and cure: what cannot be read, reached or understood.
        """

    @property
    def file(self) -> str | None:
        """The path of the file that the list is, so that its age can be judged; None where it is none."""
        return None
