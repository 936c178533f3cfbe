"""Waiting for reports with Airflow's stock HttpSensor."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Mapping
from statistics import median, quantiles
from typing import Any


def deferred(url: str, count: int, poll: float, seconds: float) -> dict[str, Any]:
    """What HttpSensor(deferrable=True) hands to the triggerer, so many times."""
    os.environ["AIRFLOW_CONN_BENCH"] = url
    from airflow.providers.http.triggers.http import HttpSensorTrigger
    from bench.looped import waited

    triggers = [
        HttpSensorTrigger(endpoint=f"stock/{number}", http_conn_id="bench", poke_interval=poll).serialize()
        for number in range(count)
    ]
    found = waited(triggers, lambda: _journal(url), poll=1.3 * poll, seconds=seconds)
    return {"seconds": found.seconds, "figures": {"worker slots": 0, **found.figures()}}


def poking(url: str, count: int, poll: float, seconds: float) -> dict[str, Any]:
    """One HttpSensor in its default mode: pokes, sleeps and pokes again in a worker slot of its own."""
    os.environ["AIRFLOW_CONN_BENCH"] = url
    from airflow.providers.http.sensors.http import HttpSensor

    sensor = HttpSensor(task_id="wait", http_conn_id="bench", endpoint="stock/0", poke_interval=poll)
    before, began, cpu = _journal(url), time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        if sensor.poke({}):
            raise RuntimeError("the report was there")
        time.sleep(poll)
    took = time.perf_counter() - began
    asked = _journal(url)["requests"] - before["requests"]
    figures = {
        "worker slots": 1,
        "requests a minute": asked * 60 / took,
        "CPU s a minute": (time.process_time() - cpu) * 60 / took,
    }
    return {"seconds": took, "figures": figures}


def _journal(url: str) -> Mapping[str, int]:
    with urllib.request.urlopen(f"{url}/journal", timeout=60) as answer:
        told: Mapping[str, int] = json.load(answer)
    return told


def ready(dsn: str, url: str, what: str, moments: list[float], poll: float) -> dict[str, Any]:
    """A poking HttpSensor, the report with HttpHook, pandas' `to_sql`: one run after the other."""
    os.environ["AIRFLOW_CONN_BENCH"] = url
    import pandas as pd
    import sqlalchemy
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.providers.http.sensors.http import HttpSensor

    engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://", 1))

    def run(number: int) -> tuple[float, float]:
        sensor = HttpSensor(task_id=f"wait_{number}", http_conn_id="bench", endpoint=f"stock/{number}")
        while not sensor.poke({}):
            time.sleep(poll)
        seen = time.time()
        report = HttpHook("GET", http_conn_id="bench").run(f"stock/{number}").json()
        rows = [{key: value for key, value in row.items() if key != "dialog"} for row in report["data"]]
        pd.DataFrame(rows).to_sql("calls", engine, schema="public", if_exists="append", index=False)
        return seen, time.time()

    lags, looks = [], []
    for number, after in enumerate(moments):
        ready_at = time.time() + after
        body = json.dumps({"at": ready_at, "what": what}).encode()
        request = urllib.request.Request(f"{url}/moments/{number}", body, method="PUT")
        urllib.request.urlopen(request, timeout=60).close()
        seen, ended = run(number)
        lags.append(ended - ready_at)
        looks.append(seen - ready_at)
    p95 = quantiles(lags, n=20, method="inclusive")[-1] if len(lags) > 1 else lags[0]
    loaded = [lag - look for lag, look in zip(lags, looks, strict=True)]
    figures = {"median s": median(lags), "most s": max(lags), "ready → seen s": median(looks)}
    return {"seconds": p95, "figures": {**figures, "seen → in the table s": median(loaded)}}
