"""What Airflow sees of a copied project: python see_in_airflow.py <root> <campaign> [<connection>], answers as JSON."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import obzvon
from obzvon_provider.provider_info import get_provider_info


def seen(root: Path, campaign: str) -> dict[str, Any]:
    """Tasks of the campaign's DAG, and the connection types with their hooks."""
    sys.path.insert(0, str(root / "dags"))
    dag = vars(importlib.import_module("campaigns"))[f"campaign__{campaign}"]
    types = {t["connection-type"]: t["hook-class-name"] for t in get_provider_info()["connection-types"]}
    return {"tasks": sorted(dag.task_ids), "title": dag.dag_display_name, "types": types}


def tested(hook: str, conn_id: str) -> list[Any]:
    """What the Test button of a connection answers."""
    module, _, name = hook.rpartition(".")
    return list(getattr(importlib.import_module(module), name)(conn_id).test_connection())


if __name__ == "__main__":
    root, campaign, *connection = sys.argv[1:]
    assert Path(obzvon.__file__).is_relative_to(root), obzvon.__file__
    answer = seen(Path(root), campaign)
    for conn_id in connection:
        answer["test"] = tested(answer["types"][conn_id.removesuffix("_default")], conn_id)
    print(json.dumps(answer))
