"""Qolio's connection form in Airflow's UI. Options that no public page answers have no default."""

from __future__ import annotations

from typing import Any

from obzvon.vendors.connection_forms import budget_options

__all__ = ["QOLIO_FORM"]


def _option(label: str, description: str, **schema: object) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"], **schema}}


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
        "account_email": _option("Account e-mail", "A Qolio user who may read users and communications"),
        "account_password": _option("Account password", "Of that user", format="password"),
        "interaction_uid": _option(
            "Path of a communication's uid", "Dotted, such as attributes.uid; empty: delivered calls are not verified"
        ),
        "review_fields": _option(
            "Paths of a review's values", "A JSON object, see docs/connections.md; empty: no scores are pulled"
        ),
        "verify_after_minutes": _option("A call is visible after, min", "60 when empty"),
        "check_operators": _option("Check operators before a delivery", "true when empty"),
        "sign_in_path": _option("Sign-in path", "/auth/sign_in when empty"),
        "users_path": _option("Users path", "/api/v1/users when empty"),
        "bindings_path": _option("Bindings path", "Made from the integration's path when empty"),
        "interactions_path": _option("Communications path", "/api/v1/client_interactions when empty"),
        "interactions_sort": _option("Sort of communications", "created_at when empty"),
        "reviews_path": _option("Reviews path", "The communications path when empty"),
        "reviews_include": _option("Include with reviews", "Related objects to ask for, such as reviews"),
        "recordings_link": _option("Links to copies of recordings", "page (when empty), presigned or template"),
        "recordings_url": _option(
            "Address of copies", "page: ours as Qolio reaches it; template: the bucket's, with {path} in it"
        ),
        "recordings_link_days": _option("Links live for, days", "365 when empty; presigned 7"),
        **budget_options(100),
    },
}
