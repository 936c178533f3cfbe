"""The secrets of a deployment: made once, never overwritten, checked before anything starts.

    python3 deploy/make_secrets.py make deploy/secrets      what is missing is made; what is there stays, byte for byte
    python3 deploy/make_secrets.py check /run/secrets NAME… names what is missing, empty or too short; exit code 1

Standard library only: it runs on the host before an image is there. The folder is closed to everybody else (0700);
the files in it are readable (0444), because a container's user is not the host's.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

#: Shorter ones were typed by somebody; Airflow masks nothing shorter than 5 in logs, and phones want 32.
SHORTEST = 24
ARCHIVE = "s3://obzvon-archive/raw"
STORE_USER = "obzvon"


def token() -> str:
    """Random, and the same in a URL as outside of one."""
    return secrets.token_urlsafe(32)


def fernet_key() -> str:
    """The form that Fernet asks for."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


#: Random values.
MADE: Mapping[str, Callable[[], str]] = {
    "admin_password": token,
    "api_secret_key": token,
    "fernet_key": fernet_key,
    "grafana_password": token,
    "jwt_secret": token,
    "metadata_password": token,
    "metadata_superuser_password": token,
    "phone_secret": token,
    "store_password": token,
    "valkey_password": token,
    "warehouse_password": token,
    "warehouse_superuser_password": token,
}


def derived(of: Mapping[str, str]) -> dict[str, str]:
    """What is written from other secrets: addresses with a password in them, and Airflow's files."""
    warehouse = {"conn_type": "postgres", "host": "postgres-warehouse", "port": 5432, "schema": "obzvon_warehouse",
                 "login": "obzvon", "password": of["warehouse_password"]}  # fmt: skip
    variables = {"obzvon_phone_secret": of["phone_secret"], "obzvon_archive": ARCHIVE}
    broker = f"redis://:{of['valkey_password']}@valkey:6379"
    return {
        "airflow_connections.json": json.dumps({"warehouse_default": warehouse}),
        "airflow_variables.json": json.dumps(variables),
        "broker_url": f"{broker}/0",
        "metadata_dsn": f"postgresql+psycopg2://airflow:{of['metadata_password']}@postgres-metadata:5432/airflow",
        "result_backend": f"{broker}/1",
        "store_credentials": f"[default]\naws_access_key_id = {STORE_USER}\n"
        f"aws_secret_access_key = {of['store_password']}\n",
        "warehouse_dsn": f"postgresql://obzvon:{of['warehouse_password']}@postgres-warehouse:5432/obzvon_warehouse",
    }


#: Every file of a complete folder.
NAMES = (*MADE, *derived(dict.fromkeys(MADE, "")))


def write_once(path: Path, text: str) -> bool:
    """Write a new file in one step; False when there is one already, which stays."""
    new = path.with_name(f".{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        os.fchmod(handle, 0o444)
    try:
        os.link(new, path)  # unlike a rename it refuses a name that is taken
    except FileExistsError:
        return False
    finally:
        new.unlink()
    return True


def make(folder: Path) -> list[str]:
    """Make what is missing; the names of new files. What is derived follows the values that are there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    new = [name for name, value in MADE.items() if not (folder / name).exists() and write_once(folder / name, value())]
    values = {name: (folder / name).read_text().strip() for name in MADE}
    return new + [name for name, text in derived(values).items() if write_once(folder / name, text)]


def faults(folder: Path, names: tuple[str, ...]) -> list[str]:
    """One sentence for each secret that is missing, empty or short. Values are never in them."""
    found = []
    for name in names:
        try:
            size = len((folder / name).read_text().strip())
        except OSError as error:
            found.append(f"{folder / name}: {error.strerror}; `python3 deploy/make_secrets.py make FOLDER` makes it")
            continue
        if size < SHORTEST:
            found.append(f"{folder / name} has {size} characters, {SHORTEST} are the least: delete it and make it anew")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 1 with a sentence for each fault on stderr."""
    parser = argparse.ArgumentParser(description="Secrets of a deployment.")
    parser.add_argument("command", choices=("make", "check"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="of the check; all of them if none is given")
    options = parser.parse_args(arguments)
    if options.command == "make":
        for name in make(options.folder):
            sys.stdout.write(f"made {options.folder / name}\n")
    found = faults(options.folder, tuple(options.names) or NAMES)
    sys.stderr.writelines(f"Obzvon: {fault}\n" for fault in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
