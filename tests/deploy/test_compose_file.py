"""docker-compose.yaml: what a deployment needs is in it, and what it must not have is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.compose import FILE, MANDATORY, ROOT, complete, config

#: One-shot jobs and commands by hand: they end, so that their exit code is their health.
ENDING = re.compile(r"init-.*|cli")
SECRET_WORD = re.compile(r"PASSWORD|SECRET|TOKEN|FERNET|_KEY|DSN|CONN|BROKER|BACKEND")
#: Settings whose name has such a word and whose value is no secret.
PLAIN = {
    "CONNECTION_CHECK_MAX_COUNT": "0",
    "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID": "",
    "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://workers-have-no-metadata-database.invalid/none",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return complete()


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def lasting(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in services.items() if not ENDING.fullmatch(name)}


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Source, target and mode of each mount; sources of named volumes are their names."""
    found = []
    for volume in service.get("volumes") or []:
        source, target, *mode = str(volume).split(":")
        found.append((source, target, mode[0] if mode else "rw"))
    return found


def specification_says(file: Path) -> int:
    """Exit code of the check against the schema of the Compose specification, which comes with check-jsonschema."""
    program = Path(sys.executable).parent / "check-jsonschema"
    command = [program, "--builtin-schema", "vendor.compose-spec", file]
    return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=240, check=False).returncode


def test_the_specification_accepts_it_and_nothing_misspelt(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yaml"
    wrong.write_text(FILE.read_text(encoding="utf-8").replace("healthcheck:", "healthchek:"), encoding="utf-8")
    assert specification_says(FILE) == 0
    assert specification_says(wrong) == 1


@pytest.mark.parametrize("name", MANDATORY)
def test_a_start_without_a_variable_names_it(name: str) -> None:
    with pytest.raises(ValueError, match=f"set {name} to"):
        config({key: value for key, value in MANDATORY.items() if key != name})


def test_an_empty_variable_is_a_missing_one() -> None:
    with pytest.raises(ValueError, match="set OBZVON_SECRETS to"):
        config(MANDATORY | {"OBZVON_SECRETS": ""})


def test_no_other_variable_is_mandatory() -> None:
    assert set(re.findall(r"\$\{(\w+):\?", FILE.read_text(encoding="utf-8"))) == set(MANDATORY)


def test_the_example_of_variables_has_every_one(services: dict[str, dict[str, Any]]) -> None:
    assert services
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text(encoding="utf-8")))
    shown = set(re.findall(r"^#?(OBZVON_\w+)=", (ROOT / "deploy" / "example.env").read_text(), re.MULTILINE))
    assert used - shown <= {"OBZVON_MINIO_IMAGE", "OBZVON_ARCHIVE"}
    assert shown <= used


def test_all_parts_are_there(services: dict[str, dict[str, Any]]) -> None:
    parts = {"api-server", "scheduler", "dag-processor", "triggerer", "worker", "postgres-metadata", "valkey", "minio"}
    assert parts | {"postgres-warehouse", "otel-collector"} <= {n for n, s in services.items() if "profiles" not in s}
    assert {n: s["profiles"] for n, s in services.items() if "profiles" in s} == {
        "sandbox": ["sandbox"],
        "init-sandbox": ["sandbox"],
        "prometheus": ["observability"],
        "grafana": ["observability"],
        "cli": ["tools"],
    }


def test_what_lasts_tells_its_health_and_comes_back(services: dict[str, dict[str, Any]]) -> None:
    for name, service in lasting(services).items():
        check = service["healthcheck"]
        assert check["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert {"interval", "timeout", "retries", "start_period"} <= set(check), name
        assert service["restart"] == "unless-stopped", name


def test_what_ends_is_not_started_for_ever(services: dict[str, dict[str, Any]]) -> None:
    ending = {name: one for name, one in services.items() if ENDING.fullmatch(name)}
    assert ending
    for name, service in ending.items():
        assert service["restart"] in {"no", "on-failure:3"}, name
        assert service["healthcheck"] == {"disable": True}, name


def test_everything_is_limited_and_its_logs_are_cut(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name


def test_nobody_is_root_but_who_gives_a_volume_away(services: dict[str, dict[str, Any]]) -> None:
    root = {name for name, service in services.items() if str(service["user"]).split(":")[0] in {"0", "root", ""}}
    assert root == {"init-minio-volume"}
    assert services["init-minio-volume"]["cap_add"] == ["CHOWN", "DAC_READ_SEARCH"]
    assert services["init-minio-volume"]["network_mode"] == "none"
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_every_image_has_a_version(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        version = service["image"].rpartition(":")[2]
        assert re.search(r"\d+\.\d+|RELEASE\.\d{4}-\d\d-\d\d", version), f"{name}: {service['image']}"


def test_workers_and_triggerers_can_be_many(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert "container_name" not in service, name
    for name in ("worker", "triggerer", "scheduler", "dag-processor"):
        assert "ports" not in services[name], name


def test_ports_are_on_the_loopback_address_unless_somebody_says_otherwise(services: dict[str, dict[str, Any]]) -> None:
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert published == {"api-server": ["127.0.0.1:8080:8080"], "grafana": ["127.0.0.1:3000:3000"]}


def test_no_value_in_the_file_is_a_secret(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for key, value in (service.get("environment") or {}).items():
            if not SECRET_WORD.search(key) or key in PLAIN:
                assert PLAIN.get(key, value) == value, f"{name}: {key}"
                continue
            by_file = key.endswith(("_CMD", "_FILE", "__FILE", "_KWARGS")) and "/run/secrets/" in str(value)
            assert by_file, f"{name}: {key} is not taken from a file"


def test_no_address_has_a_password_in_it() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert re.findall(r"://[^/\s\"']*:[^/\s\"']*@", text) == []


def test_every_secret_is_made_and_used(compose: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    made = set(compose["secrets"])
    used = {name for service in services.values() for name in service.get("secrets") or []}
    assert used == made
    assert set(services["init-secrets"]["secrets"]) == made
    assert {name: one["file"] for name, one in compose["secrets"].items()} == {
        name: f"./deploy/secrets/{name}" for name in made
    }


def test_what_reads_a_secret_is_given_it(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        said = json.dumps([service.get(key) for key in ("environment", "command", "entrypoint", "healthcheck")])
        read = set(re.findall(r"/run/secrets/([\w.]+)", said))
        assert read <= set(service.get("secrets") or []), name


def test_a_worker_knows_no_secret_of_airflow_and_no_database_of_it(services: dict[str, dict[str, Any]]) -> None:
    worker = services["worker"]
    assert set(worker["secrets"]) == {"broker_url", "result_backend", "store_credentials"}
    assert "metadata" not in worker["networks"]


def test_every_file_it_mounts_is_in_the_tree(services: dict[str, dict[str, Any]]) -> None:
    files = {source for service in services.values() for source, _, _ in mounts(service) if source.startswith(".")}
    assert len(files) >= 6
    ours = {source for source in files if source != MANDATORY["OBZVON_LISTS"]}
    assert [source for source in sorted(ours) if not (ROOT / source).exists()] == []


def test_files_of_the_host_are_read_only(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert all(mode == "ro" for source, _, mode in mounts(service) if source.startswith((".", "/"))), name


def test_named_volumes_and_networks_are_declared_and_used(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    volumes = {source for one in services.values() for source, _, _ in mounts(one) if not source.startswith((".", "/"))}
    assert volumes == set(compose["volumes"])
    assert {name for one in services.values() for name in one.get("networks") or []} == set(compose["networks"])


def test_only_one_network_leads_outside(compose: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    assert {name for name, one in compose["networks"].items() if not (one or {}).get("internal")} == {"outside"}
    for name in ("postgres-metadata", "postgres-warehouse", "valkey", "minio", "scheduler", "dag-processor"):
        assert "outside" not in services[name]["networks"], name


def test_who_talks_to_a_service_shares_a_network_with_it(services: dict[str, dict[str, Any]]) -> None:
    """Names in addresses of the environment, and in what the secrets of those that last are made of."""
    behind = {"metadata_dsn": "postgres-metadata", "broker_url": "valkey", "result_backend": "valkey",
              "store_credentials": "minio"}  # fmt: skip
    reached = 0
    for name, service in lasting(services).items():
        named = set(re.findall(r"https?://([a-z-]+):\d", json.dumps(service.get("environment") or {})))
        asked = {one for one in named if one in services} | {
            behind[s] for s in service.get("secrets") or [] if s in behind
        }
        for one in asked - {name}:
            assert set(service["networks"]) & set(services[one]["networks"]), f"{name} cannot reach {one}"
            reached += 1
    assert reached >= 20


def test_everything_waits_for_the_secrets(services: dict[str, dict[str, Any]]) -> None:
    """Nothing that has a secret starts before somebody looked whether all of them are there."""

    def first(name: str) -> set[str]:
        before = services[name].get("depends_on") or {}
        return {name} if not before else {found for one in before for found in first(one)}

    for name in services:
        if name not in {"otel-collector", "statsd", "prometheus", "grafana", "cli"}:
            assert first(name) == {"init-secrets"}, name


def test_settings_are_airflows(services: dict[str, dict[str, Any]]) -> None:
    """A setting that Airflow or a provider does not know changes nothing, silently."""
    from airflow.configuration import conf

    known = {(section, key) for section, said in conf.configuration_description.items() for key in said["options"]}
    for service in services.values():
        for name in service.get("environment") or {}:
            if name.startswith("AIRFLOW__"):
                section, _, key = name.removeprefix("AIRFLOW__").removesuffix("_CMD").partition("__")
                assert (section.lower(), key.lower()) in known, name


def test_settings_by_command_are_sensitive_ones(services: dict[str, dict[str, Any]]) -> None:
    """Airflow runs `…_CMD` for those alone."""
    from airflow.configuration import conf

    sensitive = {(section.lower(), key.lower()) for section, key in conf.sensitive_config_values}
    commands = {n for s in services.values() for n in s.get("environment") or {} if n.endswith("_CMD")}
    assert len(commands) == 6
    for name in commands:
        section, _, key = name.removeprefix("AIRFLOW__").removesuffix("_CMD").partition("__")
        assert (section.lower(), key.lower()) in sensitive, name


def test_the_file_is_plain_yaml() -> None:
    """No key twice: the last one would win without a word."""

    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"twice: {[key for key in keys if keys.count(key) > 1]}"
            return super().construct_mapping(node, deep)  # type: ignore[no-any-return]

    assert yaml.load(FILE.read_text(encoding="utf-8"), Strict)
