"""What a campaign file says about TWIN, for both families of its API.

`api: beta` is "Создание задания" (POST /tasks) of the newer documentation, `api: v1` is telephony/autoCall.
Enum values keep the letter case of the file: TWIN's table and its example differ in it (amd.mode, caller id, redirect).
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from obzvon.dispositions import Disposition
from obzvon.vendors.settings import Redials, VendorSettings, WorstCase

Role = Literal["bot", "client", "operator"]
#: Who speaks under which name in a transcript. TWIN's pages show BOT; the others are the words of public clients.
ROLES: dict[str, Role] = {"BOT": "bot", "CLIENT": "client", "HUMAN": "client", "USER": "client", "OPERATOR": "operator"}


class Part(BaseModel):
    """Base of the parts of the settings: frozen, unknown keys refused, outer blanks cut."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def one_of(*allowed: str) -> AfterValidator:
    """A validator for an enum whose letter case the vendor's own pages do not agree on."""

    def check(value: str) -> str:
        if value.casefold() not in {name.casefold() for name in allowed}:
            raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
        return value

    return AfterValidator(check)


def _status(name: str) -> str:
    if name.upper() == "ANSWERED":
        raise ValueError("what ANSWERED comes to is said by responder, goal and outcomes")
    return name.upper()


class TwinSettings(VendorSettings):
    """What both families share.

    `machine_responders` are the values of `responder` that mean an answering machine. `result_fields` are script
    results to keep beside those that goal and outcomes read; the others stay in the archive, for they may be personal.
    `statuses` are what TWIN's statuses mean where that differs from vendors/statuses.csv, or is not in it.
    """

    reading: ClassVar[frozenset[str]] = VendorSettings.reading | {
        "machine_responders", "result_fields", "roles", "statuses",
    }  # fmt: skip

    type: Literal["twin"]
    conn_id: str = "twin_default"
    bot_id: UUID
    machine_responders: tuple[str, ...] = ("machine",)
    expect_recordings: bool = True
    result_fields: tuple[str, ...] = ()
    roles: dict[str, Role] = Field(default_factory=lambda: dict(ROLES))
    statuses: dict[Annotated[str, AfterValidator(_status)], Disposition] = Field(default_factory=dict)

    @property
    def expects_recordings(self) -> bool:
        return self.expect_recordings

    @property
    def kept_results(self) -> frozenset[str]:
        return frozenset(self.result_fields)

    @property
    def script_id(self) -> str:
        return str(self.bot_id)


class Amd(Part):
    """Answering-machine detection: `back` works beside the bot, `block` holds the bot until a person is certain."""

    enabled: bool = False
    mode: Annotated[str, one_of("back", "block")] | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _file_goes_with_block(self) -> Self:
        mode = (self.mode or "").casefold()
        if mode == "block" and not self.file:
            raise ValueError("mode BLOCK needs `file`, the path of the greeting (TWIN: amd.file)")
        if mode != "block" and self.file:
            raise ValueError("`file` goes with mode BLOCK only; TWIN's rule for BACK: null")
        if self.enabled and not mode:
            raise ValueError("an enabled detector needs `mode`: back or block")
        return self


class CallerId(Part):
    """The number shown to the client: the channel's own, `data` as 7xxxxxxxxxx, or the group whose id is `data`."""

    type: Annotated[str, one_of("Default", "Custom", "groupAON")] = "default"
    data: str | None = None

    @model_validator(mode="after")
    def _data_by_type(self) -> Self:
        kind = self.type.casefold()
        if kind == "default" and self.data is not None:
            raise ValueError("type Default takes no `data` (TWIN: defaultCallerId.data is null)")
        if kind == "groupaon" and not self.data:
            raise ValueError("type groupAON needs `data`: the id of the group of caller ids")
        if kind == "custom" and not re.fullmatch(r"7\d{10}", self.data or "", re.ASCII):
            raise ValueError("type Custom needs `data`: one number as 7xxxxxxxxxx, 11 digits")
        return self


class Redirect(Part):
    """Where a call goes when the script says "as the task says"."""

    type: Annotated[str, one_of("Hangup", "Dialplan", "Transfer", "Custom", "Twin")] = "hangup"
    data: str | None = None
    additional: str | None = None

    @model_validator(mode="after")
    def _data_by_type(self) -> Self:
        kind = self.type.casefold()
        if kind == "hangup" and (self.data or self.additional):
            raise ValueError("type Hangup takes neither `data` nor `additional` (TWIN: null)")
        if kind != "hangup" and not self.data:
            raise ValueError(f"type {self.type} needs `data`, the target of the redirect")
        if self.additional and kind not in {"dialplan", "custom"}:
            raise ValueError("`additional` goes with Dialplan and Custom only (TWIN: null for the others)")
        return self


class Recall(Part):
    """Redial after one outcome: at most `tries` more dials, `interval` seconds apart."""

    enabled: bool = False
    tries: Annotated[int, Field(ge=0)] | None = None
    interval: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.enabled and (not self.tries or self.interval is None):
            raise ValueError("an enabled recall needs `tries` of 1 or more and `interval` in seconds")
        return self

    @property
    def dials(self) -> int:
        return self.tries or 0 if self.enabled else 0


class ShortTalkRecall(Recall):
    """Redial after a dialogue of at most `duration` seconds."""

    duration: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _threshold(self) -> Self:
        if self.enabled and self.duration is None:
            raise ValueError("an enabled NOT_SUCCESSFUL recall needs `duration` in seconds")
        return self


class RecallRules(Part):
    """One rule an outcome, under TWIN's own names."""

    BUSY: Recall = Recall()
    NO_ANSWER: Recall = Recall()
    MACHINE: Recall = Recall()
    CONGESTION: Recall = Recall()
    NOT_SUCCESSFUL: ShortTalkRecall = ShortTalkRecall()

    @property
    def terms(self) -> tuple[Redials, ...]:
        """The rules that are switched on."""
        named: list[tuple[str, Recall]] = [(name, getattr(self, name)) for name in type(self).model_fields]
        return tuple(Redials(name, rule.dials, rule.interval or 0) for name, rule in named if rule.dials)


class TwinBetaSettings(TwinSettings):
    """A task of the beta family.

    `start: scheduled` starts the task when the window opens. `on_load` sends `scheduledAt: null`, which makes TWIN dial
    as soon as the contacts are loaded; it has to be asked for. Recalls add up: worst case is 1 + all tries.
    """

    api: Literal["beta"]
    dialplan_id: UUID
    start: Literal["scheduled", "on_load"] = "scheduled"
    background_noise: str | None = None
    amd: Amd = Amd()
    default_caller_id: CallerId = CallerId()
    default_redirect: Redirect = Redirect()
    intensity: Annotated[int, Field(strict=True)] = 1
    webhook_url: str | None = None
    phone_normalization: Literal["ru"] | None = None
    detect_gender_by_voice: bool = False
    is_test: bool = False
    recall_rules: RecallRules = RecallRules()

    @model_validator(mode="after")
    def _documented_rules(self) -> Self:
        if not 1 <= self.intensity <= 5:
            raise ValueError(f"intensity is {self.intensity}; TWIN's rule: 1 to 5 dialled numbers a second")
        if self.recall_rules.MACHINE.enabled and not self.amd.enabled:
            raise ValueError("recall_rules.MACHINE needs amd.enabled: only the detector gives that outcome")
        return self

    @property
    def max_attempts(self) -> int:
        return self.worst_case.total

    @property
    def worst_case(self) -> WorstCase:
        return WorstCase(
            self.recall_rules.terms,
            key="recall_rules",
            fewer="switch recalls off or lower their `tries`",
            ends=False,
        )

    @property
    def unguarded_by(self) -> str | None:
        return "is_test" if self.is_test else None

    @property
    def shown_number(self) -> tuple[str, str] | None:
        caller = self.default_caller_id
        return ("default_caller_id.data", caller.data) if caller.type.casefold() == "custom" and caller.data else None
