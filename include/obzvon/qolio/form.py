"""Qolio's connection form in Airflow's UI. Options that no public page answers have no default."""

from __future__ import annotations

from typing import Any

from obzvon.vendors.form_fields import (
    LINKS,
    PATHS,
    PORT,
    RECORDINGS,
    budget,
    choice,
    flag,
    json_object,
    must,
    number,
    secret,
    text,
    timeouts,
)

__all__ = ["QOLIO_FORM"]

ACCOUNT = "Account API: operators, verification, scores"

QOLIO_FORM: dict[str, Any] = {
    "hook-name": "Qolio",
    "ui-field-behaviour": {
        "hidden-fields": ["login", "schema"],
        "relabeling": {"host": "Address *", "port": "Port *", "password": "Integration token *"},
        "placeholders": {
            "host": "https://api.prod1.qolio.ru",
            "port": PORT,
            "password": "«Токен интеграции» of the integration's dialog",
        },
    },
    "conn-fields": {
        "integration_path": must(
            "Integration path",
            "/api/v1/integrations/<id>/phone_calls: the path of «URL интегрируемого приложения» in the dialog",
        ),
        "account_email": text("Account e-mail", "A Qolio user who may read users and communications", ACCOUNT),
        "account_password": secret("Account password", "Of that user", ACCOUNT),
        "interaction_uid": text(
            "Path of a communication's uid", "Such as attributes.uid; empty: deliveries are not verified", ACCOUNT
        ),
        "review_fields": json_object(
            "Paths of a review's values", "JSON, see docs/connections.md; empty: no scores are pulled", ACCOUNT
        ),
        "verify_after_minutes": number("A call is visible after, min", "60 when empty", ACCOUNT),
        "check_operators": flag(
            "Check operators", "Look for the operator before a delivery", ACCOUNT, default=True
        ),
        "sign_in_path": text("Sign-in path", "/auth/sign_in when empty", PATHS),
        "users_path": text("Users path", "/api/v1/users when empty", PATHS),
        "bindings_path": text("Bindings path", "Made from the integration's path when empty", PATHS),
        "interactions_path": text("Communications path", "/api/v1/client_interactions when empty", PATHS),
        "interactions_sort": text("Sort of communications", "created_at when empty", PATHS),
        "reviews_path": text("Reviews path", "The communications path when empty", PATHS),
        "reviews_include": text("Include with reviews", "Related objects to ask for, such as reviews", PATHS),
        "recordings_link": choice(
            "Links to copies", "How Qolio opens a copied recording", RECORDINGS, "page", "presigned", "template"
        ),
        "recordings_url": text(
            "Address of copies", "page: ours as Qolio reaches it; template: the bucket's, with {path} in it", RECORDINGS
        ),
        "recordings_link_days": number("Links live for, days", "365 when empty; presigned 7", RECORDINGS),
        **budget(100),
        **timeouts(),
        "cabinet_url": text(
            "Address in the cabinet",
            "{integration} becomes the integration's id; when empty, links lead to the front page where it is known",
            LINKS,
        ),
    },
}  # fmt: skip
