"""The policy file: what `include/policy/policy.yaml` may say.

`obzvon.policy.lint` compares a campaign with it before anything is sent, `obzvon.policy.windows` and the plan decide
about every contact by it. `record` and `human_transfer` are reminders for whoever writes the script: nothing here can
see what a bot says.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainSerializer, ValidationError, model_validator

from obzvon.campaigns.spec import Clock, Model, Purpose
from obzvon.errors import PolicyError
from obzvon.yaml_text import BrokenYaml, parsed

Count = Annotated[int, Field(ge=1)]


def _ordered(value: tuple[time, time]) -> tuple[time, time]:
    if value[0] >= value[1]:
        raise ValueError(f"window is reversed: {value[0]:%H:%M} is not before {value[1]:%H:%M}")
    return value


Range = Annotated[tuple[Clock, Clock], AfterValidator(_ordered)]


class DayHours(Model):
    """Subscriber-local hours: `workday`, and `dayoff` for Saturdays, Sundays, federal and regional days off."""

    workday: Range
    dayoff: Range


class Cap(Model):
    """Most calls to one phone or person in a period."""

    day: Count
    week: Count
    month: Count
    week_kind: Literal["calendar", "rolling"] = "calendar"
    count: Literal["attempts", "answered"] = "attempts"
    scope: tuple[Literal["phone", "person"], ...] = ("phone",)


class Rules(Model):
    """What one purpose must respect. Minutes of `margin_min` are cut from both ends of the window."""

    window: DayHours
    margin_min: Annotated[int, Field(ge=0, le=240)] = 0
    cap: Cap | None = None
    consent: Literal["required", "legal_review", "not_required"] = "required"
    caller_id: Literal["required", "not_required"] = "not_required"
    opt_out: Literal["all", "purpose"] = "all"
    legal_approval_ref: Literal["required", "not_required"] = "not_required"
    record: Literal["required", "not_required"] = "not_required"
    retention_days: Count | None = None
    human_transfer: Literal["required", "not_required"] = "not_required"

    @model_validator(mode="after")
    def _margin_leaves_something(self) -> Self:
        for name, (start, end) in (("workday", self.window.workday), ("dayoff", self.window.dayoff)):
            if (end.hour - start.hour) * 60 + end.minute - start.minute <= 2 * self.margin_min:
                raise ValueError(f"margin_min {self.margin_min} leaves nothing of the {name} window")
        return self


class Price(Model):
    """What a vendor charges, for the forecast: rubles for each attempt and for each minute of talk."""

    attempt_rub: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    minute_rub: Annotated[Decimal, Field(ge=0)] = Decimal(0)


class CallerId(Model):
    """How a labelled number shows on the subscriber's screen, and the contract under which the operator labels it."""

    label: Annotated[str, Field(min_length=1, max_length=32)]
    category: Annotated[str, Field(min_length=1)]
    contract: Annotated[str, Field(min_length=1)]


class RegionDaysOff(Model):
    """Days off of one region; `offset` is the region's, as +05:00."""

    region: str
    offset: Annotated[str, Field(pattern=r"^\+(0[2-9]|1[0-2]):00$")]
    # sorted: the order of a set changes from process to process, and the policy's hash would with it
    days: Annotated[frozenset[date], PlainSerializer(sorted)]

    @property
    def offset_min(self) -> int:
        """Minutes east of UTC."""
        return int(self.offset[1:3]) * 60


class Policy(Model):
    """The user's rules, as one value.

    `sandbox_connections` are the connections behind which nobody can be called: only there a campaign may switch a
    vendor's own guards off.
    """

    version: date
    purposes: dict[Purpose, Rules]
    unknown_zone: Literal["safe_window", "exclude"] = "safe_window"
    lead_min: Annotated[int, Field(ge=0, le=1440)] = 10
    region_days_off: tuple[RegionDaysOff, ...] = ()
    caller_ids: dict[Annotated[str, Field(pattern=r"^7\d{10}$")], CallerId] = Field(default_factory=dict)
    one_campaign_a_day: bool = True
    prices: dict[str, Price] = Field(default_factory=dict)
    marking_fee_rub: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    sandbox_connections: tuple[str, ...] = ()
    source: str = "the policy"

    def canonical(self) -> dict[str, Any]:
        """JSON-ready form, the same wherever the file lies: what is stored with every plan."""
        return self.model_dump(mode="json", by_alias=True, exclude={"source"})

    @property
    def policy_hash(self) -> str:
        """sha256 of `canonical`: the key of these very numbers."""
        return hashlib.sha256(json.dumps(self.canonical(), sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def rules(self, purpose: Purpose) -> Rules:
        """The rules of a purpose, or a PolicyError that names the missing key."""
        if purpose not in self.purposes:
            raise PolicyError(f"{self.source}: purposes.{purpose} is missing: add its window, or change the purpose")
        return self.purposes[purpose]


def load_policy(path: Path) -> Policy:
    """The policy of a file; a PolicyError names the file, the key and what is wrong with it."""
    try:
        data = parsed(path.read_text("utf-8"))
    except OSError as error:
        raise PolicyError(f"{path}: the policy file cannot be read ({error.strerror}): restore it") from error
    except (BrokenYaml, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: not a YAML file in UTF-8: correct its syntax ({error})") from error
    if not isinstance(data, dict):
        raise PolicyError(f"{path}: the policy file is empty: it needs at least `version` and `purposes`")
    try:
        return Policy.model_validate({**data, "source": str(path)})
    except ValidationError as error:
        raise PolicyError(f"{path}: {_problems(error)}") from error


def _problems(error: ValidationError) -> str:
    found = ((".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) for e in error.errors())
    return "; ".join(f"{key}: {problem}" for key, problem in found)
