"""The part `recordings` of a campaign file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Recordings"]


class Recordings(BaseModel):
    """Whose recordings Qolio gets: the vendor's links, or copies in our own storage.

    Copies: `concurrency` at once in a task, none above `max_mb`; after `minutes` of a task no further one is begun, the
    rest comes with the late results. A call whose recording is not there for `deadline_hours` is warned of, and then
    waits on, is skipped, or goes to Qolio with the vendor's own link.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["link", "copy"] = "link"
    concurrency: Annotated[int, Field(ge=1, le=32)] = 4
    max_mb: Annotated[float, Field(gt=0, le=1024)] = 100.0
    minutes: Annotated[float, Field(gt=0)] = 60.0
    deadline_hours: Annotated[float, Field(ge=0)] = 48.0
    after_deadline: Literal["wait", "skip", "link"] = "skip"

    @property
    def copies(self) -> bool:
        return self.mode == "copy"

    @property
    def max_bytes(self) -> int:
        return int(self.max_mb * 1024 * 1024)
