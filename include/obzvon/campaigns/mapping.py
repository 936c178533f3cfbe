"""What a corrected campaign file may change for people who were called already: how their reports are read."""

from __future__ import annotations

from typing import Any

from obzvon.campaigns.spec import CampaignSpec
from obzvon.errors import ConfigError

__all__ = ["corrected"]


def corrected(planned: CampaignSpec, today: CampaignSpec) -> tuple[CampaignSpec, list[str]]:
    """The file as it was planned with the mapping of today's file, and the keys that differ.

    The mapping is `outcomes` and what the vendor's settings name in `reading`. Window, limits, schedule, list and what
    success means (`goal`) stay as they were planned. ConfigError when the file belongs to another vendor by now.
    """
    if planned.vendor.type != today.vendor.type:
        raise ConfigError(
            f"{today.name}.yaml: vendor.type is {today.vendor.type}, but these people were called through"
            f" {planned.vendor.type}; its reports cannot be read by the rules of another vendor"
        )
    old, new = planned.canonical(), today.canonical()
    vendor = {key: new["vendor"][key] for key in planned.vendor.reading}
    mapped: dict[str, Any] = old | {"outcomes": new["outcomes"], "vendor": old["vendor"] | vendor}
    changed = [f"vendor.{key}" for key in sorted(vendor) if vendor[key] != old["vendor"][key]]
    changed += ["outcomes"] * (old["outcomes"] != new["outcomes"])
    return CampaignSpec.model_validate(mapped), changed
