"""What a campaign file says about Dialog.

Source: Dialog's API book, "Создание обзвонов" and "Получение результатов диалогов". The book names only one report
column (`phone_number`) and no status, so the columns of a project and the meaning of its statuses are settings.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator

from obzvon.dispositions import Disposition
from obzvon.vendors.settings import Redials, VendorSettings, WorstCase

Role = Literal["bot", "client", "operator"]
DataType = Literal["text", "number", "datetime", "dialog", "goal"]
FilterType = Literal[
    "equal", "contains", "starts_with", "ends_with", "is_empty", "not_empty", "is_true", "not_true"
]  # fmt: skip


class Part(BaseModel):
    """Base of the parts of the settings: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class ReportColumn(Part):
    """One entry of the report's `columns`: which column to return, filter or sort by."""

    id: int
    name: str
    display_name: str
    column_type: str = "field"
    data_type: DataType | None = None
    filter_type: FilterType | None = None
    filter_value: str | None = None
    sorting: Literal["asc", "desc"] | None = None

    def body(self) -> dict[str, Any]:
        """The column as the report request carries it; what is not set is left out."""
        return self.model_dump(exclude_none=True)


class ReportFields(Part):
    """Which key of a report row holds what. `results` names script results (goals among them) and their keys.

    Without `call_id` the identity of a call is a hash of campaign, contact, start and order. Without `updated_at` a
    row counts as changed when the call ended.
    """

    phone: str = "phone_number"
    started_at: str
    status: str
    call_id: str | None = None
    external_id: str | None = None
    updated_at: str | None = None
    duration: str | None = None
    ring_duration: str | None = None
    caller_id: str | None = None
    transferred: str | None = None
    cost: str | None = None
    record_url: str | None = None
    dialog: str | None = None
    results: dict[str, str] = {}


_DATA_TYPES: dict[str, DataType] = {
    "started_at": "datetime",
    "updated_at": "datetime",
    "duration": "number",
    "ring_duration": "number",
    "cost": "number",
    "dialog": "dialog",
}


class Report(Part):
    """How the report is asked for and read.

    columns          what the request sends; left out, it is made from `fields`
    timezone         zone of row times that carry no offset; a row without either is refused
    datetime_format  strptime pattern of row times that are not ISO 8601
    statuses         what a status text means; a conversation's code (say RPC_NO_RESULT) is refined by goal and outcomes
    roles            who speaks under which name in the dialog column
    """

    fields: ReportFields
    columns: tuple[ReportColumn, ...] | None = None
    timezone: str | None = None
    datetime_format: str | None = None
    statuses: Annotated[dict[str, Disposition], Field(min_length=1)]
    roles: dict[str, Role] = {}

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        if value is not None:
            known_zone(value)
        return value

    @property
    def request_columns(self) -> list[dict[str, Any]]:
        """`columns` of the report request."""
        if self.columns is not None:
            return [column.body() for column in self.columns]
        return [
            ReportColumn(id=number, name=name, display_name=name, data_type=kind).body()
            for number, (name, kind) in enumerate(self._mapped(), 1)
        ]

    def _mapped(self) -> list[tuple[str, DataType]]:
        plain = self.fields.model_dump(exclude={"results"}, exclude_none=True)
        kinds: list[tuple[str, DataType]] = [(name, _DATA_TYPES.get(role, "text")) for role, name in plain.items()]
        return kinds + [(name, "goal") for name in self.fields.results.values()]


class DialogSettings(VendorSettings):
    """A Dialog campaign. The ids come from the platform's manager; `attempts` counts all dials to a number."""

    reading: ClassVar[frozenset[str]] = VendorSettings.reading | {"report"}

    type: Literal["dialog"]
    conn_id: str = "dialog_default"
    project_id: PositiveInt
    scenario_id: PositiveInt
    start_block_id: PositiveInt
    phone_id: PositiveInt
    attempts: Annotated[int, Field(strict=True)] = 1
    interval_minutes: Annotated[int, Field(strict=True)] = 0
    report: Report

    @model_validator(mode="after")
    def _documented_rules(self) -> Self:
        if not 1 <= self.attempts <= 5:
            raise ValueError(f"attempts is {self.attempts}; Dialog's rule for schedule.attempts: 1 to 5")
        if self.interval_minutes < 0:
            raise ValueError(
                "interval_minutes is negative; Dialog's schedule.interval is a pause in minutes, 0 or more"
            )
        return self

    @property
    def expects_recordings(self) -> bool:
        return self.report.fields.record_url is not None

    @property
    def max_attempts(self) -> int:
        return self.worst_case.total

    @property
    def worst_case(self) -> WorstCase:
        further = Redials("further attempts", self.attempts - 1, self.interval_minutes * 60)
        return WorstCase((further,) if further.dials else (), key="attempts", fewer="lower `attempts`")

    @property
    def kept_results(self) -> frozenset[str]:
        return frozenset(self.report.fields.results)

    @property
    def script_id(self) -> str:
        return f"{self.scenario_id}/{self.start_block_id}"

    @property
    def report_columns(self) -> frozenset[str]:
        return frozenset(str(column["name"]) for column in self.report.request_columns)

    @property
    def report_project(self) -> str:
        return str(self.project_id)

    def schedule_rules(self) -> dict[str, Any]:
        """The part of `campaign.schedule` that does not depend on the day."""
        return {
            "periods": {"id": 1, "title": "Однократно"},
            "attempts": {"id": self.attempts, "title": str(self.attempts)},
            "interval": str(self.interval_minutes),
        }


def known_zone(name: str) -> ZoneInfo:
    """The IANA zone, or a ValueError that shows what one looks like."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone such as Asia/Yekaterinburg") from error
