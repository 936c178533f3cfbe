"""What the request models of all vendors share."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Strict(BaseModel):
    """A body as the document reads: unknown keys and wrong JSON types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Camel(Strict):
    """The same for a vendor that writes fieldNames."""

    model_config = ConfigDict(alias_generator=to_camel)


def _uuid(value: str) -> str:
    try:
        uuid.UUID(value)
    except ValueError as error:
        raise ValueError("must be a UUID") from error
    return value


def _moment(value: str) -> str:
    moment(value)
    return value


def moment(value: str) -> datetime:
    """An ISO 8601 date-time with a zone, or a ValueError."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("must be an ISO 8601 date-time such as 2030-01-15T09:00:00+03:00") from error
    if parsed.tzinfo is None or not re.search(r"\d[T ]\d", value):
        raise ValueError("must be a date-time with a time zone")
    return parsed


Uuid = Annotated[str, AfterValidator(_uuid)]
Moment = Annotated[str, AfterValidator(_moment)]
