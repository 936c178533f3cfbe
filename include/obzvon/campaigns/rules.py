"""What a campaign file may not say although each of its keys is valid by itself."""

from __future__ import annotations

from croniter import croniter  # type: ignore[import-untyped]

from obzvon.campaigns.spec import CampaignSpec
from obzvon.contacts.variables import fixed
from obzvon.errors import Fault

#: Airflow stores a tag in this many characters.
_TAG = 100
#: Their cells leave the part of the warehouse that may hold personal data.
_PUBLIC = ("contact_id", "timezone", "region", "segment")


def broken_rules(spec: CampaignSpec) -> list[Fault]:
    """Every broken rule with its cure."""
    return [*_cron(spec), *_tags(spec), *_fixed_variables(spec), *_personal_columns(spec)]


def _cron(spec: CampaignSpec) -> list[Fault]:
    cron = spec.schedule.cron
    if cron is None or croniter.is_valid(cron):
        return []
    cure = 'write five fields such as "0 1 * * *", or leave it out'
    return [Fault("schedule.cron", f"{cron!r} is not a cron expression; {cure}")]


def _tags(spec: CampaignSpec) -> list[Fault]:
    return [
        Fault("tags", f"{tag[:20]}… is longer than {_TAG} characters; shorten it")
        for tag in spec.tags
        if len(tag) > _TAG
    ]


def _fixed_variables(spec: CampaignSpec) -> list[Fault]:
    return [
        Fault(f"variables.{name}.value", f"{variable.value!r} is not of type {variable.type}; correct one of the two")
        for name, variable in spec.variables.items()
        if variable.column is None and not _fits(spec, name)
    ]


def _fits(spec: CampaignSpec, name: str) -> bool:
    try:
        fixed(spec.variables[name])
    except ValueError:
        return False
    return True


def _personal_columns(spec: CampaignSpec) -> list[Fault]:
    columns = spec.contacts.columns
    personal = {columns.phone, columns.full_name}
    return [
        Fault(
            f"contacts.columns.{key}",
            f"{column!r} holds phones or names, which analysts must not see; name another column",
        )
        for key in _PUBLIC
        if (column := getattr(columns, key)) is not None and column in personal
    ]
