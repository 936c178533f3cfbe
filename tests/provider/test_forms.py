"""The connection forms: as Airflow wants them, mandatory fields first, secrets masked, every field documented."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.api_fastapi.core_api.datamodels.connections import ConnectionResponse
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

from obzvon_provider.provider_info import get_provider_info

FORMS: dict[str, dict[str, Any]] = {form["connection-type"]: form for form in get_provider_info()["connection-types"]}
STANDARD = ("host", "schema", "port", "login", "password")
PAGE = (Path(__file__).parents[2] / "docs" / "connections.md").read_text(encoding="utf-8")
TITLES = {"dialog": ("All vendors", "Both dialers", "Dialog"), "twin": ("All vendors", "Both dialers", "TWIN"),
          "qolio": ("All vendors", "Qolio")}  # fmt: skip


@cache
def drawn() -> dict[str, Any]:
    """What the UI asks the API server for before it draws a form."""
    return {meta.connection_type: meta for meta in HookMetaService.hook_meta_data() if meta.connection_type in FORMS}


def documented(title: str) -> set[str]:
    """Names in the first column of a section's tables."""
    section = re.split(r"\n## ", PAGE.split(f"\n## {title}\n", maxsplit=1)[1], maxsplit=1)[0]
    return set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\|([^|]+)\|", section, re.MULTILINE))))


def shown(kind: str) -> set[str]:
    hidden = FORMS[kind]["ui-field-behaviour"]["hidden-fields"]
    return {*FORMS[kind]["conn-fields"], *(name for name in STANDARD if name not in hidden)}


def test_the_provider_is_what_airflow_takes() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider.yaml.schema.json").read_text(encoding="utf-8"))
    part = schema | schema["properties"]["connection-types"]
    jsonschema.validate(list(FORMS.values()), {key: part[key] for key in ("type", "items")})


def test_airflow_draws_every_form_from_the_installed_package() -> None:
    assert set(drawn()) == {"dialog", "twin", "qolio"}
    for kind, meta in drawn().items():
        assert list(meta.extra_fields) == list(FORMS[kind]["conn-fields"])
        assert meta.standard_fields.url_schema.hidden
        assert not meta.standard_fields.port.hidden
        assert meta.standard_fields.host.placeholder.startswith("https://")


@pytest.mark.parametrize("kind", FORMS)
def test_mandatory_fields_come_first_and_cannot_be_left_empty(kind: str) -> None:
    starred = ["null" not in field["schema"]["type"] for field in FORMS[kind]["conn-fields"].values()]
    assert starred == sorted(starred, reverse=True)
    mandatory = {"dialog": ["platform_timezone"], "twin": [], "qolio": ["integration_path"]}[kind]
    assert list(FORMS[kind]["conn-fields"])[: sum(starred)] == mandatory


@pytest.mark.parametrize("kind", FORMS)
def test_every_field_has_a_label_a_description_and_a_section(kind: str) -> None:
    for name, field in FORMS[kind]["conn-fields"].items():
        assert field["label"], name
        assert field["description"], name
        assert field["schema"]["section"], name
        assert len(field["description"]) <= 130, f"{name}: more than the form has room for"


@pytest.mark.parametrize("kind", FORMS)
def test_secrets_are_hidden_in_the_form_and_masked_in_the_api(kind: str) -> None:
    secret = {name for name, field in FORMS[kind]["conn-fields"].items() if field["schema"].get("format") == "password"}
    assert secret >= {"dialog": {"token"}, "twin": {"token"}, "qolio": {"account_password"}}[kind]
    extra = dict.fromkeys(FORMS[kind]["conn-fields"], "a-value-of-some-length")
    given = dict.fromkeys(("description", "host", "login", "schema", "port", "team_name"))
    answer = ConnectionResponse.model_validate(
        {"conn_id": "c", "conn_type": kind, "password": "a-password", "extra": json.dumps(extra), **given}
    )
    masked = {name for name, value in json.loads(answer.extra or "{}").items() if value == "***"}
    assert secret <= masked
    assert masked - secret <= {"password_field", "token_ttl", "webhook_proxies"}  # Airflow goes by the name
    assert answer.password == "***"


@pytest.mark.parametrize("kind", FORMS)
def test_every_field_is_documented_and_no_other(kind: str) -> None:
    written = set[str]().union(*map(documented, TITLES[kind]))
    assert written == shown(kind)
