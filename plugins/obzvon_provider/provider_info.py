"""Provider metadata: connection types and their forms."""

from __future__ import annotations

from typing import Any

from obzvon.qolio.form import QOLIO_FORM
from obzvon.vendors.registry import dialer_classes

HOOKS = "obzvon_provider.hooks.vendor"
LINKS = "obzvon_provider.links"


def get_provider_info() -> dict[str, Any]:
    """What the `apache_airflow_provider` entry point returns."""
    forms = {code: dialer.connection_form() for code, dialer in dialer_classes().items()} | {"qolio": QOLIO_FORM}
    return {
        "package-name": "obzvon",
        "name": "Obzvon",
        "extra-links": [
            f"{LINKS}.{name}" for name in ("ArchiveLink", "CabinetLink", "CampaignLink", "QolioLink", "QuestionLink")
        ],
        "description": "Outbound voice-bot campaigns: Dialog, TWIN, Qolio",
        "connection-types": [
            {"connection-type": code, "hook-class-name": f"{HOOKS}.{code.capitalize()}Hook", **form}
            for code, form in forms.items()
        ],
    }
