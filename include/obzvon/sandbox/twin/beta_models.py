"""The beta task as its page describes it (confluence pageId 113967414, table "Описание полей метода").

Letter case of enums differs between the page's text and its example (BACK/back, Hangup/hangup, `Custom ` with a
trailing blank), so case and outer blanks are not judged.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from obzvon.sandbox.models import Camel, Moment, Strict, Uuid
from obzvon.sandbox.twin.models import DaySecond, Seconds


def _plain(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class Amd(Camel):
    """Answering-machine detection."""

    enabled: bool = False
    mode: Annotated[Literal["back", "block"] | None, BeforeValidator(_plain)] = None
    file: str | None = None

    @model_validator(mode="after")
    def _file(self) -> Self:
        if self.mode == "block" and not self.file:
            raise ValueError("file is required in mode BLOCK")
        if self.mode == "back" and self.file is not None:
            raise ValueError("file must be null in mode BACK")
        return self


class CallerId(Camel):
    """The number shown to the client."""

    type: Annotated[Literal["default", "custom", "groupaon"], BeforeValidator(_plain)] = "default"
    data: str | None = None
    additional: None = None

    @model_validator(mode="after")
    def _data(self) -> Self:
        if (self.type == "default") == (self.data is not None):
            raise ValueError("data is null for Default and required for Custom and groupAON")
        if self.type == "custom" and not re.fullmatch(r"7[0-9]{10}", self.data or ""):
            raise ValueError("data of Custom is a number as 7xxxxxxxxxx")
        return self


class Redirect(Camel):
    """Where a call goes when the script says "as the task says"."""

    type: Annotated[Literal["hangup", "dialplan", "transfer", "custom", "twin"], BeforeValidator(_plain)] = "hangup"
    data: str | None = None
    additional: str | None = None

    @model_validator(mode="after")
    def _data(self) -> Self:
        if (self.type == "hangup") == (self.data is not None):
            raise ValueError("data is null for Hangup and required otherwise")
        if self.additional is not None and self.type not in ("dialplan", "custom"):
            raise ValueError("additional is only for Dialplan and Custom")
        return self


class TimeRange(Camel):
    """Subscriber-local hours, seconds after midnight."""

    from_: Annotated[DaySecond, Field(alias="from")] = 0
    to: DaySecond = 86399

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("from must be before to")
        return self


class RecallRule(Camel):
    """When to dial again after one outcome. Seconds."""

    enabled: bool = False
    tries: Seconds | None = None
    interval: Seconds | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.enabled and (self.tries is None or self.interval is None):
            raise ValueError("tries and interval are needed when enabled")
        return self


class Unsuccessful(RecallRule):
    """Dialogues of at most `duration` seconds."""

    duration: Seconds | None = None

    @model_validator(mode="after")
    def _duration(self) -> Self:
        if self.enabled and self.duration is None:
            raise ValueError("duration is needed when enabled")
        return self


class RecallRules(Strict):
    """One rule an outcome."""

    BUSY: RecallRule = RecallRule()
    NO_ANSWER: RecallRule = RecallRule()
    MACHINE: RecallRule = RecallRule()
    CONGESTION: RecallRule = RecallRule()
    NOT_SUCCESSFUL: Unsuccessful = Unsuccessful()

    def rules(self) -> dict[str, RecallRule]:
        return {name: getattr(self, name) for name in type(self).model_fields}


class BetaTask(Camel):
    """POST /api/cis/beta/tasks."""

    name: Annotated[str, Field(min_length=1)]
    bot_id: Uuid
    dialplan_id: Uuid
    background_noise: str | None = None
    amd: Amd = Amd()
    default_caller_id: CallerId = CallerId()
    default_redirect: Redirect = Redirect()
    scheduled_at: Moment | None = None
    intensity: Annotated[int, Field(ge=1, le=5)]
    webhook_url: str | None = None
    allowed_time_range: TimeRange = TimeRange()
    phone_normalization: Annotated[Literal["ru"] | None, BeforeValidator(_plain)] = None
    detect_gender_by_voice: bool = False
    is_test: bool = False
    recall_rules: RecallRules | None = None
