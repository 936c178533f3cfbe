"""The environment every process of the local stack gets: Airflow's settings, connections and variables.

Airflow settings come from trials with 3.3.2; the ones that are not obvious say why.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from obzvon.local.executor import LOCAL, Executor
from obzvon.local.home import Home
from obzvon.local.ports import HOST
from obzvon.local.secrets import Secrets
from obzvon.local.servers import Server

__all__ = ["ADMIN", "AIRFLOW_CLI", "PYTHON", "Ports", "inherited", "settings", "stack_environment"]

ADMIN = "admin"
PYTHON, AIRFLOW_CLI = sys.executable, str(Path(sys.executable).parent / "airflow")
#: What a communication and a review look like is the sandbox's own; at Qolio ask for it.
QOLIO_OPTIONS: dict[str, object] = {
    "integration_path": "/api/v1/integrations/c34f637a-0000-4000-8000-000000000001/phone_calls",
    "account_email": "robot@obzvon.example",
    "account_password": "sandbox-qolio-password",
    "verify_after_minutes": 0,
    "interaction_uid": "attributes.uid",
    "review_fields": {
        "list": "attributes.reviews",
        "id": "id",
        "uid": "/attributes.uid",
        "form": "form-name",
        "score": "score",
        "max_score": "max-score",
        "reviewer": "reviewer-id",
        "reviewed_at": "reviewed-at",
        "appeal": "appeal-state",
    },
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on the loopback address."""

    web: int
    sandbox: int


def stack_environment(
    home: Home, secrets: Secrets, ports: Ports, server: Server, executor: Executor = LOCAL
) -> dict[str, str]:
    """All of it: what is inherited from the caller, and what the stack adds."""
    env = inherited(os.environ) | settings(home, secrets, ports, server, executor)
    return env | connections(ports, server) | variables(home, secrets)


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without the settings of another Airflow or Python, and with this venv first on PATH."""
    # every task is a process of its own: without bytecode on disk each of them compiles the project again
    foreign = ("AIRFLOW__", "AIRFLOW_HOME", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
    env = {key: value for key, value in environ.items() if not key.startswith(foreign)}
    venv = Path(sys.executable).parent
    env |= {"PATH": f"{venv}{os.pathsep}{env.get('PATH', os.defpath)}", "VIRTUAL_ENV": str(venv.parent)}
    # a proxy would be asked for 127.0.0.1 too
    direct = ",".join(filter(None, (env.get("NO_PROXY") or env.get("no_proxy"), HOST, "localhost")))
    env |= {"NO_PROXY": direct, "no_proxy": direct}
    if sys.platform == "darwin":
        env["OBJC_DISABLE_INITIALIZE_FORK_SAFETY"] = "YES"  # Airflow forks its task runners
    return env


def settings(home: Home, secrets: Secrets, ports: Ports, server: Server, executor: Executor = LOCAL) -> dict[str, str]:
    """AIRFLOW_HOME and AIRFLOW__SECTION__KEY for every setting that differs from Airflow's default."""
    web = f"http://{HOST}:{ports.web}"
    sections: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": home.root / "dags",
            "plugins_folder": home.root / "plugins",
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "fernet_key": secrets.fernet_key,
            "test_connection": "Enabled",
            "allowed_deserialization_classes": "airflow.* obzvon.* obzvon_provider.*",
            "execution_api_server_url": f"{web}/execution/",
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": home.passwords,
            "hostname_callable": "socket.gethostname",  # the default asks DNS
        },
        "database": {"sql_alchemy_conn": server.url("obzvon_airflow", driver="postgresql+psycopg2")},
        # else a finished task holds its slot for up to 5 s, and a deferred task can fail with "state mismatch"
        "workers": {
            "min_heartbeat_interval": 1,
            "execution_api_timeout": 60,  # a busy laptop answers late; a second start request of a task would fail it
            "execution_api_retries": 10,  # after a crash the scheduler may be back long before the web server
        },
        "scheduler": {
            "scheduler_idle_sleep_time": 0.5,
            "trigger_timeout_check_interval": 3,
            # a killed worker or scheduler is noticed within half a minute instead of five
            "task_instance_heartbeat_timeout": 30,
            "task_instance_heartbeat_timeout_detection_interval": 5,
            "scheduler_health_check_threshold": 15,
            "orphaned_tasks_check_interval": 10,
        },
        "dag_processor": {"refresh_interval": 5, "min_file_process_interval": 30},
        "api": {"host": HOST, "port": ports.web, "base_url": web, "workers": 1, "secret_key": secrets.api_secret},
        "api_auth": {"jwt_secret": secrets.jwt_secret},
        "logging": {
            "base_log_folder": home.task_logs,
            "dag_processor_child_process_log_directory": home.logs / "dag-files",
            "colored_console_log": False,
        },
        "usage_data_collection": {"enabled": False},
    }
    for section, own_keys in executor.settings(home.broker).items():
        sections[section] = sections.get(section, {}) | own_keys
    flat = {f"AIRFLOW__{s}__{k}".upper(): str(v) for s, keys in sections.items() for k, v in keys.items()}
    own = {"AIRFLOW_HOME": home.airflow, "OBZVON_HOME": home.folder, "PYTHONPATH": home.root / "config"}
    return {name: str(path) for name, path in own.items()} | flat


def connections(ports: Ports, server: Server) -> dict[str, str]:
    """AIRFLOW_CONN_… for the warehouse and the three vendors, all of them the sandbox: nobody can be dialled."""
    base = f"http://{HOST}:{ports.sandbox}"
    robot = "robot@obzvon.example"
    local = {"recording_http_hosts": HOST, "recording_private_hosts": HOST}  # where the sandbox has its recordings
    unhurried = {"requests_per_second": 1000}  # the sandbox takes what it gets, and a demo is not to wait for itself
    found: dict[str, dict[str, object]] = {
        "warehouse_default": server.connection("obzvon_warehouse"),
        "dialog_default": {
            "conn_type": "dialog",
            "host": f"{base}/dialog",
            "login": robot,
            "password": "sandbox-dialog-password",
            "extra": {"platform_timezone": "Asia/Yekaterinburg", "poll_seconds": 2, **local, **unhurried},
        },
        "twin_default": {
            "conn_type": "twin",
            "host": f"{base}/twin",
            "login": robot,
            "password": "sandbox-twin-password",
            "extra": {
                "company_timezone": "Europe/Moscow",
                "finished_statuses": ["FINISHED"],
                "candidates_path": "/tasks/{task_id}/candidates",
                "poll_seconds": 2,
                **local,
                **unhurried,
            },
        },
        "qolio_default": {
            "conn_type": "qolio",
            "host": f"{base}/qolio",
            "password": "sandbox-qolio-integration-token",
            "extra": {**QOLIO_OPTIONS, **unhurried},
        },
    }
    return {f"AIRFLOW_CONN_{name}".upper(): json.dumps(value) for name, value in found.items()}


def variables(home: Home, secrets: Secrets) -> dict[str, str]:
    """AIRFLOW_VAR_…: the key of the phones' HMAC, and where raw answers are archived."""
    return {
        "AIRFLOW_VAR_OBZVON_PHONE_SECRET": secrets.phone_secret,
        "AIRFLOW_VAR_OBZVON_ARCHIVE": str(home.archive),
    }
