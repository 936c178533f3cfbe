"""What a campaign file says about a TWIN task of the v1 family (POST telephony/autoCall).

Source: TWIN's "call task setup" page (wiki.twin-ai.com/voice-bots/api/call_task_setup) and the bodies that public
clients send. What is optional there and not set here is left out of the request.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, PositiveInt, model_validator

from obzvon.vendors.settings import MARKER, Redials, WorstCase
from obzvon.vendors.twin_settings import Part, TwinSettings

Event = Literal[
    "CALL_ENDED",
    "CANDIDATE_CHANGED",
    "CALL_REDIRECTED",
    "RECALL_SCHEDULED",
    "EFFICIENCY_REACHED",
    "AUTOCALL_STATUS_CHANGED",
]


class SecondExec(Part):
    """What to do when the bot asks for a redirect: finish, ignore, or transfer to a channel (`ch`)."""

    type: Literal["end", "ignore", "ch"] = "end"
    channel_id: UUID | None = None

    @model_validator(mode="after")
    def _channel(self) -> Self:
        if (self.type == "ch") != (self.channel_id is not None):
            raise ValueError("`channel_id` (TWIN: secondExecData) is required for type ch and for no other")
        return self


class V1CallerId(Part):
    """The number shown: the trunk's own, one number (`gornum`) or a group (`pool`); `id` is not the phone."""

    type: Literal["default", "gornum", "pool"] = "default"
    id: UUID | None = None

    @model_validator(mode="after")
    def _entity(self) -> Self:
        if (self.type != "default") != (self.id is not None):
            raise ValueError("`id` (TWIN: cidData) is required for types gornum and pool and for no other")
        return self


class Webhook(Part):
    """A receiver of task events; TWIN repeats for 24 hours until it hears 200."""

    url: str
    partial_results: bool = False
    delay: Annotated[int, Field(ge=0)] = 0
    events: tuple[Event, ...] = ("CALL_ENDED", "CANDIDATE_CHANGED")

    def body(self) -> dict[str, Any]:
        events = {name: {"name": name, "value": True} for name in self.events}
        return {"url": self.url, "partialResults": self.partial_results, "delay": self.delay, "events": events}


class V1Amd(Part):
    """Answering-machine detection; `greeting_id` is the id of the greeting file that `block` plays."""

    enabled: bool = False
    mode: Literal["back", "block"] | None = None
    greeting_id: UUID | None = None

    @model_validator(mode="after")
    def _greeting_goes_with_block(self) -> Self:
        blocks = self.mode == "block"
        if blocks != (self.greeting_id is not None):
            raise ValueError("`greeting_id` (TWIN: detectRobotGreeting) is required for mode block and for no other")
        if self.enabled and not self.mode:
            raise ValueError("an enabled detector needs `mode`: back or block")
        return self


class Redial(Part):
    """Redial after one outcome: `count` more dials, `time` seconds apart."""

    time: Annotated[int, Field(ge=0)]
    count: PositiveInt


class RedialStrategy(Part):
    """Redial rules; an outcome that is left out is not redialled. The limits cap all dials of a contact or number."""

    candidate_limit: PositiveInt | None = None
    number_limit: PositiveInt | None = None
    busy: Redial | None = None
    no_answer: Redial | None = None
    answering_machine: Redial | None = None
    congestion: Redial | None = None
    not_effective: Redial | None = None

    @property
    def rules(self) -> dict[str, Redial | None]:
        """Under TWIN's names."""
        return {
            "busy": self.busy,
            "noAnswer": self.no_answer,
            "answerMash": self.answering_machine,
            "congestion": self.congestion,
            "answerNoList": self.not_effective,
        }

    @property
    def limit(self) -> int | None:
        """The smaller of the limits that are given: a contact here has one number."""
        return min((limit for limit in (self.candidate_limit, self.number_limit) if limit), default=None)

    @property
    def terms(self) -> tuple[Redials, ...]:
        """The rules, under the keys of the file."""
        named = ("busy", "no_answer", "answering_machine", "congestion", "not_effective")
        rules: list[tuple[str, Redial | None]] = [(name, getattr(self, name)) for name in named]
        return tuple(Redials(name, rule.count, rule.time) for name, rule in rules if rule)


class TwinV1Settings(TwinSettings):
    """A task of the v1 family.

    Speed is either `calls_per_second` or `seconds_per_call`. `effective_seconds` is the talk that makes a call count as
    effective (fullListTime). The calling hours are always the subscriber's (useTr).
    """

    api: Literal["v1"]
    second_exec: SecondExec = SecondExec()
    caller_id: V1CallerId = V1CallerId()
    calls_per_second: Annotated[int, Field(strict=True)] | None = None
    seconds_per_call: Annotated[int, Field(strict=True)] | None = None
    call_strategy: Literal["STEP_2_STEP", "PARALLEL"] | None = None
    check_phone: bool | None = None
    phone_normalization: Literal["RU"] | None = None
    comment: str | None = None
    schedule_id: UUID | None = None
    send_report_after_finish: bool | None = None
    webhooks: tuple[Webhook | str, ...] = ()
    effective_seconds: Annotated[int, Field(ge=0)] = 12
    record_call: bool = True
    rec_trim_left: Annotated[int, Field(ge=0)] = 0
    amd: V1Amd = V1Amd()
    provider_id: str | None = None
    fz230: bool | None = None
    redial: RedialStrategy = RedialStrategy()

    @model_validator(mode="after")
    def _documented_rules(self) -> Self:
        if MARKER not in self.campaign_name:
            raise ValueError(
                f"campaign_name must hold {MARKER}: by it a task whose creation was not confirmed is found"
            )
        if (self.calls_per_second is None) == (self.seconds_per_call is None):
            raise ValueError("give either `calls_per_second` or `seconds_per_call` (TWIN: cps)")
        if self.calls_per_second is not None and not 1 <= self.calls_per_second <= 99:
            raise ValueError(f"calls_per_second is {self.calls_per_second}; TWIN's cps code 1 + N/100 holds 1 to 99")
        if self.seconds_per_call is not None and not 1 <= self.seconds_per_call <= 99:
            raise ValueError(f"seconds_per_call is {self.seconds_per_call}; TWIN's cps code 1 - N/100 holds 1 to 99")
        if self.redial.answering_machine and not self.amd.enabled:
            raise ValueError("redial.answering_machine needs amd.enabled: only the detector gives that outcome")
        return self

    @property
    def expects_recordings(self) -> bool:
        return self.record_call and super().expects_recordings

    @property
    def cps(self) -> float:
        """TWIN's intensity code: N calls a second = 1 + N/100, one call per N seconds = 1 - N/100."""
        if self.calls_per_second is not None:
            return round(1 + self.calls_per_second / 100, 2)
        return round(1 - (self.seconds_per_call or 0) / 100, 2)

    @property
    def max_attempts(self) -> int:
        return self.worst_case.total

    @property
    def worst_case(self) -> WorstCase:
        return WorstCase(
            self.redial.terms,
            self.redial.limit,
            key="redial",
            fewer="take redials out or lower `candidate_limit`",
            later="set their `time` to 86400 or more",
        )
