"""The dialers' connection forms in Airflow's UI: every option of an account, with what it means.

Shape: `hook-name`, `ui-field-behaviour` and `conn-fields` of Airflow's provider schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _option(label: str, description: str) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": {"type": ["string", "null"]}}


def budget_options(rate: int) -> dict[str, Any]:
    """The options of an account's request budget; `rate` is the default."""
    return {
        "requests_per_second": _option(
            "Requests a second", f"Of all tasks and workers together; {rate} when empty, 0 = no limit"
        ),
        "burst": _option("Burst", "So many requests more in any second; a fifth of the above when empty, at least 1"),
    }


_COMMON = {
    "recording_hosts": _option("Hosts of recordings", "For copies; this host and those below it when empty"),
    "recording_http_hosts": _option("Of them, by plain http", "None when empty"),
    "recording_private_hosts": _option("Of them, in your own network", "None when empty"),
    "recording_login_hosts": _option("Of them, those that get the token", "This host or below it; none when empty"),
    "poll_seconds": _option("Seconds between looks", "How often a waiting run looks at its reports; 60 when empty"),
    "connect_timeout": _option("Connect timeout, s", "10 when empty"),
    "read_timeout": _option("Read timeout, s", "Longest silence within an answer; 60 when empty"),
    "total_timeout": _option("Total timeout, s", "Longest request, streams excepted; 300 when empty"),
    "retry_seconds": _option("Repeat reads for, s", "How long a read that failed is repeated; 300 when empty"),
    **budget_options(20),
}

DIALOG: Mapping[str, Any] = {
    "hook-name": "Dialog (Intersvyaz)",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"host": "Address", "login": "Login", "password": "Password"},
        "placeholders": {"host": "https://ai-assistant.is74.ru"},
    },
    "conn-fields": {
        "platform_timezone": _option("Platform time zone", "IANA zone in which a schedule is read; mandatory"),
        "token": _option("Ready token", "From Dialog's support, instead of login and password"),
        "api_path": _option("API path", "/api when empty"),
        "login_path": _option("Login path", "Under the API path; /login/ when empty"),
        "login_encoding": _option("Login encoding", "form (when empty) or json"),
        "login_field": _option("Name of the login field", "username when empty"),
        "password_field": _option("Name of the password field", "password when empty"),
        "send_state": _option("Send campaign.state", "true when empty; the newest template leaves it out"),
        **_COMMON,
    },
}

TWIN: Mapping[str, Any] = {
    "hook-name": "TWIN",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"host": "Address", "login": "E-mail", "password": "Password"},
        "placeholders": {"host": "https://twin24.ai"},
    },
    "conn-fields": {
        "company_timezone": _option("Company time zone", "IANA zone set in the cabinet; mandatory for api v1"),
        "candidates_path": _option("Candidates path (beta)", "With {task_id} in it; mandatory for api beta"),
        "finished_statuses": _option("Finished statuses", "Statuses of a task that dials no more, beside HALTED"),
        "iam_url": _option("IAM address", "{address}/iam/api/v1 when empty"),
        "cis_url": _option("CIS address", "{address}/cis/api/v1 when empty"),
        "beta_url": _option("CIS beta address", "{address}/api/cis/beta when empty"),
        "analytics_url": _option("Analytics address", "{address}/analyse/api/v1 when empty"),
        "token": _option("Ready token", "Instead of e-mail and password"),
        "token_ttl": _option("Token lifetime, s", "To ask for at login; 3600 when empty"),
        "timezone_unit": _option("Unit of a candidate's time zone", "seconds (when empty) or minutes"),
        "lifetime_from": _option("Task lifetime counts from", "start (when empty) or creation"),
        "ready_seconds": _option("Wait for a new task, s", "Until it can be read, before candidates go; 30 when empty"),
        "sessions_sort": _option("Sort of sessions", "startedAt when empty"),
        **_COMMON,
    },
}
