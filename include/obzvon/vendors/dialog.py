"""Dialog («Диалог», Intersvyaz): login, create a campaign with its contacts, read the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obzvon.vendors.base import Dialer
from obzvon.vendors.dialog_settings import DialogSettings


class Dialog(Dialer):
    """Dialog's campaigns: contacts travel inside the one create request; nothing can be listed or stopped."""

    code = "dialog"
    contacts_in_create = True

    @classmethod
    def parse_settings(cls, value: Mapping[str, Any]) -> DialogSettings:
        return DialogSettings.model_validate(value)
