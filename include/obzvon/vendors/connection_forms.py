"""The dialers' connection forms in Airflow's UI: every field of an account, the mandatory ones first.

Shape: `hook-name`, `ui-field-behaviour` and `conn-fields` of Airflow's provider schema (form_fields.py says what the UI
makes of it). The address holds the scheme, so Airflow's field for it is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from obzvon.vendors.form_fields import (
    EVENTS,
    LIMITS,
    LINKS,
    LOGIN,
    MUST,
    PATHS,
    PORT,
    RECORDINGS,
    budget,
    choice,
    flag,
    json_object,
    listed,
    number,
    secret,
    text,
    timeouts,
    zone,
)

__all__ = ["DIALOG", "TWIN"]

_RECORDINGS = {
    "recording_hosts": listed(
        "Hosts of recordings", "One a line; the address's host and those below it when empty", RECORDINGS
    ),
    "recording_http_hosts": listed("Of them, by plain http", "None when empty", RECORDINGS),
    "recording_private_hosts": listed("Of them, in your own network", "None when empty", RECORDINGS),
    "recording_login_hosts": listed(
        "Of them, those that get the token", "The address's host or one below it; none when empty", RECORDINGS
    ),
}


def _limits() -> Mapping[str, Any]:
    return {
        "poll_seconds": number(
            "Seconds between looks", "How often a waiting run looks at its reports; 60 when empty", LIMITS, least=0.5
        ),
        **budget(20),
        **timeouts(),
    }


DIALOG: Mapping[str, Any] = {
    "hook-name": "Dialog (Intersvyaz)",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {"host": "Address *", "port": "Port *", "login": "Login *", "password": "Password *"},
        "placeholders": {
            "host": "https://ai-assistant.is74.ru",
            "port": PORT,
            "login": "of your platform account; empty with a ready token",
            "password": "empty with a ready token",
        },
    },
    "conn-fields": {
        "platform_timezone": zone(
            "Platform time zone",
            "In which the platform reads dates and hours; its document names none, ask your manager at Dialog",
        ),
        "token": secret("Ready token", "From Dialog's support, instead of login and password", LOGIN),
        "login_path": text("Login path", "Under the API path; /login/ when empty", LOGIN),
        "login_encoding": choice("Login encoding", "How login and password are sent", LOGIN, "form", "json"),
        "login_field": text("Name of the login field", "username when empty", LOGIN),
        "password_field": text("Name of the password field", "password when empty", LOGIN),
        "api_path": text("API path", "Under the address; /api when empty", PATHS),
        "send_state": flag(
            "Send campaign.state", "«Создано»; the newest template of the document leaves it out", PATHS, default=True
        ),
        **_RECORDINGS,
        **_limits(),
        "cabinet_url": text(
            "Address of a campaign in the cabinet",
            "{id} becomes the campaign's id; when empty, links lead to the address's front page",
            LINKS,
        ),
    },
}

TWIN: Mapping[str, Any] = {
    "hook-name": "TWIN",
    "ui-field-behaviour": {
        "hidden-fields": ["schema"],
        "relabeling": {"host": "Address *", "port": "Port *", "login": "E-mail *", "password": "Password *"},
        "placeholders": {
            "host": "https://twin24.ai",
            "port": PORT,
            "login": "of a user of the cabinet; empty with a ready token",
            "password": "empty with a ready token",
        },
    },
    "conn-fields": {
        "company_timezone": zone(
            "Company time zone", "As set in the cabinet; mandatory where a campaign says api: v1, start times need it",
            optional=True,
        ),
        "candidates_path": text(
            "Candidates path (beta)",
            "Where contacts go, with {task_id} in it; mandatory where a campaign says api: beta, ask TWIN's support",
            MUST,
        ),
        "finished_statuses": listed(
            "Finished statuses", "Statuses, one a line, of a v1 task that dials no more, beside HALTED", MUST
        ),
        "token": secret("Ready token", "Instead of e-mail and password", LOGIN),
        "token_ttl": number("Token lifetime, s", "To ask for at login; 3600 when empty", LOGIN, least=1, whole=True),
        "iam_url": text("IAM address", "{address}/iam/api/v1 when empty", PATHS),
        "cis_url": text("CIS address", "{address}/cis/api/v1 when empty", PATHS),
        "beta_url": text("CIS beta address", "{address}/api/cis/beta when empty", PATHS),
        "analytics_url": text("Analytics address", "{address}/analyse/api/v1 when empty", PATHS),
        "timezone_unit": choice(
            "Unit of a contact's time zone", "TWIN's example shows seconds, one client minutes", PATHS,
            "seconds", "minutes",
        ),
        "lifetime_from": choice(
            "Task lifetime counts from", "start may end a task too early, creation too late", PATHS, "start", "creation"
        ),
        "sessions_sort": text("Sort of sessions", "startedAt when empty", PATHS),
        "query_names": json_object(
            "Other names of query parameters", 'JSON, such as {"from": "dateFrom"}; none when empty', PATHS
        ),
        **_RECORDINGS,
        **_limits(),
        "ready_seconds": number("Wait for a new task, s", "Until it can be read; 30 when empty", LIMITS),
        "cabinet_url": text(
            "Address of a task in the cabinet",
            "{id} becomes the task's id; when empty, links lead to the cabinet's front page where it is known",
            LINKS,
        ),
        "webhook_address": text(
            "Public address of this Airflow", "https://host[/path]; new tasks are told to send events, none when empty",
            EVENTS,
        ),
        "webhook_secret": secret(
            "Secret of the address", "32 or more random letters and digits; without it no event is let in", EVENTS
        ),
        "webhook_networks": listed("Networks of the sender", "One a line; TWIN's 87.251.83.160/27 when empty", EVENTS),
        "webhook_proxies": listed(
            "Your proxies in front", "Networks, one a line, whose X-Forwarded-For is believed; none when empty", EVENTS
        ),
        "webhook_max_kib": number("Largest event, KiB", "1024 when empty; a larger one is refused", EVENTS, least=1),
    },
}  # fmt: skip
