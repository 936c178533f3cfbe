"""Provider metadata: connection types and their forms. A dialer brings its own form; Qolio's is here."""

from __future__ import annotations

from typing import Any

from obzvon.vendors.connection_forms import budget_options
from obzvon.vendors.registry import dialer_classes

HOOKS = "obzvon_provider.hooks.vendor"

QOLIO_FORM: dict[str, Any] = {
    "hook-name": "Qolio",
    "ui-field-behaviour": {
        "hidden-fields": ["login"],
        "relabeling": {"password": "Integration token"},
        "placeholders": {"host": "https://api.prod1.qolio.ru"},
    },
    "conn-fields": {
        "integration_path": {
            "label": "Path of «URL интегрируемого приложения»",
            "description": "/api/v1/integrations/<id>/phone_calls, copied from the integration dialog",
            "schema": {"type": "string"},
        },
        **budget_options(100),
    },
}


def get_provider_info() -> dict[str, Any]:
    """What the `apache_airflow_provider` entry point returns."""
    forms = {code: dialer.connection_form() for code, dialer in dialer_classes().items()} | {"qolio": QOLIO_FORM}
    return {
        "package-name": "obzvon",
        "name": "Obzvon",
        "description": "Outbound voice-bot campaigns: Dialog, TWIN, Qolio",
        "connection-types": [
            {"connection-type": code, "hook-class-name": f"{HOOKS}.{code.capitalize()}Hook", **form}
            for code, form in forms.items()
        ],
    }
