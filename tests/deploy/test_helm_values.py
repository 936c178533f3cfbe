"""deploy/helm/values.yaml: no secret, one image, every part limited, workers and triggerers scaled by KEDA.

`make chart-check CHART=…` compares it with the chart's own schema, which is not ours to ship.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from deploy.compose import FILE, ROOT

PATH = ROOT / "deploy" / "helm" / "values.yaml"
PARTS = ("apiServer", "scheduler", "dagProcessor", "triggerer", "migrateDatabaseJob", "statsd")
#: Of docker-compose.yaml, and elsewhere in the values or the chart's own concern.
ELSEWHERE = {
    "AIRFLOW__CORE__EXECUTOR",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK",
    "AIRFLOW__METRICS__STATSD_ON",
    "AIRFLOW__METRICS__STATSD_HOST",
    "AIRFLOW__METRICS__STATSD_PORT",
    "AIRFLOW__TRACES__OTEL_ON",
}


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return found


def test_one_image_of_ours_for_every_part(values: dict[str, Any]) -> None:
    assert set(values["images"]) == {"airflow"}
    assert values["images"]["airflow"]["tag"] == "0.1.0"
    locked = re.search(r"^apache-airflow==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert locked
    assert values["airflowVersion"] == locked[1]


def test_secrets_are_names(values: dict[str, Any]) -> None:
    names = [values["data"][f"{one}SecretName"] for one in ("metadata", "brokerUrl", "resultBackend")]
    names += [values["fernetKeySecretName"], values["apiSecretKeySecretName"], values["jwtSecretName"]]
    assert all(re.fullmatch(r"obzvon-[a-z-]+", name) for name in names)
    valued = {"fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey", "secret", "extraSecrets"}
    assert not valued & set(values)
    text = PATH.read_text(encoding="utf-8")
    assert re.findall(r"(?i)^\s*(?:\w*password|token)\s*:", text, re.MULTILINE) == []
    assert re.findall(r"://[^/\s]*:[^/\s]*@", text) == []


def test_the_charts_default_user_and_databases_are_off(values: dict[str, Any]) -> None:
    """The chart's own administrator is admin/admin, its PostgreSQL postgres/postgres."""
    assert [values[one]["enabled"] for one in ("createUserJob", "postgresql", "redis", "flower")] == [False] * 4


def test_workers_and_triggerers_are_scaled_by_keda(values: dict[str, Any]) -> None:
    assert values["executor"] == "CeleryExecutor"
    for part, least in ((values["workers"]["celery"], 1), (values["triggerer"], 2)):
        keda = part["keda"]
        assert keda["enabled"] is True
        assert least == keda["minReplicaCount"] < keda["maxReplicaCount"]
        assert "replicas" not in part
        assert part["persistence"] == {"enabled": False}


def test_every_part_is_limited_and_nobody_is_root(values: dict[str, Any]) -> None:
    for name, part in [*((one, values[one]) for one in PARTS), ("workers", values["workers"]["celery"])]:
        assert {"cpu", "memory"} <= set(part["resources"]["requests"]), name
        assert "memory" in part["resources"]["limits"], name
    pod, container = values["securityContexts"]["pod"], values["securityContexts"]["containers"]
    assert (pod["runAsNonRoot"], pod["runAsUser"], container["allowPrivilegeEscalation"]) == (True, 50000, False)


def test_files_are_mounted_read_only(values: dict[str, Any]) -> None:
    assert {one["name"] for one in values["volumes"]} == {one["name"] for one in values["volumeMounts"]}
    assert all(one["readOnly"] is True for one in values["volumeMounts"])


def test_airflow_is_told_the_same_as_by_compose(values: dict[str, Any]) -> None:
    common = yaml.safe_load(FILE.read_text(encoding="utf-8"))["x-environment"]
    settings = {key: value for key, value in common.items() if key.startswith("AIRFLOW__") and key not in ELSEWHERE}
    ours = {
        f"AIRFLOW__{section}__{key}".upper(): value
        for section, said in values["config"].items()
        for key, value in said.items()
    }
    assert len(settings) > 15
    assert set(settings) <= set(ours)
    plain = {key: value for key, value in settings.items() if not str(value).startswith("${")}
    assert {key: str(ours[key]) for key in plain} == plain


def test_settings_are_airflows(values: dict[str, Any]) -> None:
    from airflow.configuration import conf

    known = conf.configuration_description
    for section, said in values["config"].items():
        assert set(said) <= set(known[section]["options"]), section
    assert json.loads(values["config"]["secrets"]["backend_kwargs"])
