"""What Airflow's processes import before their work; Airflow looks for a module of this name on its path.

A scheduler with LocalExecutor and a Celery worker fork a process for every task, a DAG processor one for every parse,
and a fork has what its parent has imported. Without this each of them imports the same modules again, which is a third
of the CPU of a whole campaign run. The price: an edited operator or stage is seen after a restart of these three.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

FORKING = {"scheduler", "worker", "dag-processor"}
PACKAGES = ("obzvon_provider.operators", "obzvon_provider.sensors", "obzvon_provider.triggers")


def preload() -> None:
    """Import what DAG files import: of ours, and of Airflow what it loads at first use."""
    for name in ("airflow.providers.standard.operators.empty", "airflow.sdk.definitions.decorators"):
        importlib.import_module(name)
    importlib.import_module("obzvon_provider.assets")
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    # dialers and contact sources are found by name when a campaign file asks for them
    importlib.import_module("obzvon.vendors.registry").dialer_classes()
    importlib.import_module("obzvon.contacts.sources.registry").source_classes()


if FORKING & set(sys.argv):
    preload()
