"""Provider metadata: connection types and their forms."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """What the `apache_airflow_provider` entry point returns."""
    return {"package-name": "obzvon", "name": "Obzvon", "description": "Outbound voice-bot campaigns"}
