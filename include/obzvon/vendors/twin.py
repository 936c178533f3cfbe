"""TWIN: create a task, add candidates, start it, read calls and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obzvon.vendors.base import Dialer
from obzvon.vendors.twin_settings import TwinBetaSettings, TwinSettings
from obzvon.vendors.twin_v1_settings import TwinV1Settings

FAMILIES: dict[str, type[TwinSettings]] = {"beta": TwinBetaSettings, "v1": TwinV1Settings}


class Twin(Dialer):
    """TWIN's tasks, of the family that the campaign file's `api` names."""

    code = "twin"
    contacts_in_create = False

    @classmethod
    def parse_settings(cls, value: Mapping[str, Any]) -> TwinSettings:
        family = FAMILIES.get(str(value.get("api")))
        if family is None:
            raise ValueError("`vendor.api` must say which TWIN API the account has: beta or v1")
        return family.model_validate(value)
