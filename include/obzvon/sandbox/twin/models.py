"""TWIN's request bodies: tasks of the v1 family (C-CREATE, WK-CREATE) and candidates (batch add as clients send it)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from obzvon.sandbox.models import Camel, Uuid

Seconds = Annotated[int, Field(ge=0)]
DaySecond = Annotated[int, Field(ge=0, le=86399)]
Scalar = str | int | float | bool | None


def _start_moment(value: str) -> str:
    if value and not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", value):
        raise ValueError("must be YYYY-MM-DD hh:mm in the company's time zone")
    return value


def _cps(value: float) -> float:
    if not 0 < value < 2 or abs(value * 100 - round(value * 100)) > 1e-6:
        raise ValueError("must be 1 + N/100 for N calls a second or 1 - N/100 for a call every N seconds")
    return value


class Event(Camel):
    """One event of a webhook."""

    name: str
    value: bool


EVENTS = frozenset(
    {
        "CALL_ENDED",
        "CANDIDATE_CHANGED",
        "CALL_REDIRECTED",
        "RECALL_SCHEDULED",
        "EFFICIENCY_REACHED",
        "AUTOCALL_STATUS_CHANGED",
    }
)


class Webhook(Camel):
    """The new form of an entry of `webhookUrls`."""

    url: str
    partial_results: bool = False
    delay: Seconds = 0
    events: dict[str, Event] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        wrong = [key for key, event in self.events.items() if key not in EVENTS or event.name != key]
        if wrong:
            raise ValueError(f"unknown or misnamed events: {', '.join(wrong)}")
        return self


class AdditionalOptions(Camel):
    """`additionalOptions`. The window counts seconds after midnight."""

    full_list_method: Literal["reject"] = "reject"
    full_list_time: Seconds = 0
    use_tr: bool = False
    allow_call_time_from: DaySecond = 0
    allow_call_time_to: DaySecond = 86399
    record_call: bool = True
    rec_trim_left: Seconds = 0
    detect_robot: bool = False
    detect_robot_mode: Literal["back", "block"] | None = None
    detect_robot_greeting: Uuid | None = None
    provider_id: str | int | None = None
    fz230: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.allow_call_time_from >= self.allow_call_time_to:
            raise ValueError("allowCallTimeFrom must be before allowCallTimeTo")
        return self


class Redial(Camel):
    """A redial rule: `time` (seconds) and `count` are needed when it is on."""

    redial: bool
    time: Seconds | None = None
    count: Seconds | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.redial and (self.time is None or self.count is None):
            raise ValueError("time and count are needed when redial is true")
        return self


class CallLimit(Camel):
    """A cap on calls."""

    redial: bool
    count: Seconds | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.redial and not self.count:
            raise ValueError("count is needed when redial is true")
        return self


class RedialStrategy(Camel):
    """`redialStrategyOptions`."""

    redial_strategy_en: bool
    candidate_limit: CallLimit | None = None
    number_limit: CallLimit | None = None
    busy: Redial | None = None
    no_answer: Redial | None = None
    answer_mash: Redial | None = None
    congestion: Redial | None = None
    answer_no_list: Redial | None = None


class AutoCall(Camel):
    """POST /telephony/autoCall."""

    name: Annotated[str, Field(min_length=1)]
    default_exec: Literal["robot"]
    default_exec_data: Uuid
    second_exec: Literal["end", "ignore", "ch"]
    second_exec_data: str | None = None
    cid_type: Literal["default", "gornum", "pool"]
    cid_data: str | None = None
    start_type: Literal["manual", "time"]
    start_moment: Annotated[str, AfterValidator(_start_moment)] | None = None
    cps: Annotated[float, AfterValidator(_cps)]
    call_strategy: Literal["STEP_2_STEP", "PARALLEL"] = "STEP_2_STEP"
    check_phone: bool = False
    phone_normalization: Literal["RU"] | None = None
    normalization_error_action: None = None
    lifetime: Annotated[int, Field(ge=1)] | None = None
    task_comment: str | None = None
    schedule_id: Uuid | None = None
    send_report_after_finish: bool = False
    webhook_urls: list[str | Webhook] = Field(default_factory=list)
    callback_data: list[Any] = Field(default_factory=list)
    additional_options: AdditionalOptions
    redial_strategy_options: RedialStrategy

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.second_exec == "ch":
            _needed("secondExecData", self.second_exec_data, "secondExec is ch")
        if self.cid_type != "default":
            _needed("cidData", self.cid_data, f"cidType is {self.cid_type}")
        if self.start_type == "time" and not self.start_moment:
            raise ValueError("startMoment is required when startType is time")
        return self


def _needed(name: str, value: str | None, when: str) -> None:
    if not value or not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
        raise ValueError(f"{name} must be a UUID when {when}")


def _digits(value: str) -> str:
    if not value.isdecimal() or not value.isascii():
        raise ValueError("must be digits only")
    return value


class Candidate(Camel):
    """One contact. `timezone` is seconds east of UTC (WK-TPL shows 25200 for UTC+7), whole quarters of an hour."""

    phone: Annotated[list[Annotated[str, AfterValidator(_digits)]], Field(min_length=1)]
    variables: dict[str, Scalar] = Field(default_factory=dict)
    callback_data: dict[str, Any] | list[Any] | None = None
    client_external_id: str | None = None
    timezone: Annotated[int, Field(ge=-50400, le=50400, multiple_of=900)] | None = None
    check_phone: bool = False


class AutoCallCandidate(Candidate):
    """A candidate that names its task."""

    auto_call_id: Uuid


class BatchAdd(Camel):
    """POST /telephony/autoCallCandidate/batch. Items may belong to several tasks."""

    force_start: bool = False
    batch: Annotated[list[AutoCallCandidate], Field(min_length=1)]


class SingleAdd(AutoCallCandidate):
    """POST /telephony/autoCallCandidate: the bare candidate, no wrapper."""

    force_start: bool = False


class BetaCandidate(Candidate):
    """A candidate of a beta task: as in 5.1, but the task is in the path."""

    auto_call_id: Uuid | None = None


class BetaBatch(Camel):
    """Candidates of a beta task. No public source shows this request: the sandbox takes the body of the v1 batch."""

    force_start: bool = False
    batch: Annotated[list[BetaCandidate], Field(min_length=1)]
