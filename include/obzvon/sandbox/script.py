"""What every fault script has in common."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Script(BaseModel):
    """Base of a fault. The first `skip` matching requests pass, the next `times` are hit (default 1)."""

    model_config = ConfigDict(extra="forbid")

    vendor: Literal["dialog", "twin", "qolio"]
    method: str = Field(default="*", description="HTTP method, * = any")
    path: str = Field(default="", description="regular expression searched in the path")
    says: str = Field(default="", description="regular expression searched in query and body")
    skip: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1)] = 1
    delay: Annotated[float, Field(ge=0, le=600)] = Field(default=0.0, description="real seconds before anything else")

    @field_validator("path", "says")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    def meets(self, vendor: str, method: str, path: str, said: str) -> bool:
        """Whether the request is one this script is about."""
        return (
            self.vendor == vendor
            and self.method in ("*", method)
            and re.search(self.path, path) is not None
            and re.search(self.says, said) is not None
        )
