"""What is outside this process: connections, vendors' clocks, and Airflow's web server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from obzvon.campaigns import catalogue
from obzvon.doctor.deployment import Deployment, Finding
from obzvon.errors import CampaignFileError, ConfigError
from obzvon.events.door import Door
from obzvon.qolio.form import QOLIO_FORM
from obzvon.vendors.account import Account
from obzvon.vendors.registry import dialer_class
from obzvon.vendors.trial import require_fields

__all__ = ["airflow", "connections", "pools", "vendor_clocks", "webhooks"]

MINUTES_APART = 5
SANDBOX = "sandbox-"
HERE = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, order=True)
class _Needed:
    """A connection that a campaign names; `kind` is a dialer's code or `qolio`."""

    conn_id: str
    kind: str
    campaign: str


def _needed(at: Deployment) -> list[_Needed]:
    """Each connection once, with the first campaign that names it; broken files are told elsewhere."""
    found: dict[str, _Needed] = {}
    for file in catalogue.files(at.campaigns):
        try:
            spec = catalogue.load(file)
        except CampaignFileError:
            continue
        for conn_id, kind in ((spec.vendor.conn_id, spec.vendor.type), (spec.qolio.conn_id, "qolio")):
            found.setdefault(conn_id, _Needed(conn_id, kind, spec.name))
    return sorted(found.values())


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def _accounts(at: Deployment) -> Iterator[tuple[_Needed, Account]]:
    """Those that can be read here and are accounts at all."""
    for need in _needed(at):
        if at.environment.get(_variable(need.conn_id)):
            try:
                yield need, at.connections.account(need.conn_id)
            except ConfigError:
                continue  # is told by `connections`


def connections(at: Deployment) -> Iterator[Finding]:
    """Every connection that is needed is there, complete, and not the sandbox's."""
    known = at.airflow.connection_ids() if at.airflow else set()
    for need in [_Needed("warehouse_default", "postgres", "every campaign"), *_needed(at)]:
        if at.environment.get(_variable(need.conn_id)):
            try:
                yield from _read(at, need)
            except ConfigError as error:
                what, _, cure = str(error).partition("; ")
                yield Finding("connections", what, cure or "docs/connections.md has every field")
        elif need.conn_id not in known:
            yield Finding(
                "connections", f"connection {need.conn_id} ({need.kind}) does not exist; {need.campaign} needs it",
                f"create it in Airflow (Admin, Connections) or set {_variable(need.conn_id)}; docs/connections.md",
            )  # fmt: skip


def _read(at: Deployment, need: _Needed) -> Iterator[Finding]:
    if need.kind == "postgres":
        at.connections.dsn(need.conn_id)
        return
    account = at.connections.account(need.conn_id)
    if need.kind == "qolio":
        require_fields(account, QOLIO_FORM)
        if not (account.password or account.token):
            raise ConfigError(f"connection {need.conn_id}: the password is empty; put the «Токен интеграции» there")
    else:
        require_fields(account, dialer_class(need.kind).connection_form())
        account.check()
    demo = (account.password or "").startswith(SANDBOX) or urlsplit(account.base_url).hostname in HERE
    if demo and not at.sandbox:
        yield Finding(
            "connections", f"connection {need.conn_id} leads to the sandbox: nobody is called, nothing is delivered",
            "give it the vendor's address and your own credentials; --sandbox says that this is meant",
        )  # fmt: skip


def webhooks(at: Deployment) -> Iterator[Finding]:
    """The receiver's settings, where a connection has a `webhook_secret`. The door's own error says what is wrong."""
    for need, account in _accounts(at):
        if need.kind != "qolio":
            try:
                Door.of(need.kind, account)
            except ConfigError as error:
                what, _, cure = str(error).partition("; ")
                yield Finding("webhooks", what, cure or "docs/connections.md has every field")


def vendor_clocks(at: Deployment) -> Iterator[Finding]:
    """The Date of each vendor's answer: when a window is over is the vendor's to say."""
    seen: set[str] = set()
    for need, account in _accounts(at):
        where = urlsplit(account.base_url)
        origin = f"{where.scheme}://{where.netloc}"
        if where.scheme not in {"http", "https"} or origin in seen or at.sandbox:
            continue
        seen.add(origin)
        theirs, ours = at.vendor_date(origin), at.now()
        if theirs is None:
            yield Finding(
                "vendor clocks", f"{origin} does not answer (connection {need.conn_id})",
                "open the way in firewall and DNS from the workers, or correct the connection's address",
            )  # fmt: skip
        elif abs((theirs - ours).total_seconds()) > MINUTES_APART * 60:
            minutes = abs((theirs - ours).total_seconds()) / 60
            yield Finding(
                "vendor clocks", f"the clock of {origin} and ours are {minutes:.0f} minutes apart",
                "synchronise this machine by NTP; if ours is right, tell the vendor: waits cost more requests",
            )  # fmt: skip


def airflow(at: Deployment) -> Iterator[Finding]:
    """Scheduler, triggerer, DAG processor and web server live, and every DAG file is read."""
    if at.airflow is None:
        return
    for part, status in at.airflow.parts().items():
        if status != "healthy":
            yield Finding(
                "airflow", f"{part}: {status or 'no such process was ever seen'}",
                f"start the {part} and read its log: nothing begins without a scheduler, nor waits without a triggerer",
            )  # fmt: skip
    for file in at.airflow.import_errors():
        yield Finding(
            "airflow", f"the DAG file {file} cannot be read", "the UI shows why, under Dags; correct it or the image"
        )


def pools(at: Deployment) -> Iterator[Finding]:
    """Every pool that a task names is there and lets somebody run."""
    if at.airflow is None:
        return
    there = {pool.name: pool.slots for pool in at.airflow.pools()}
    for pool, task in sorted(at.airflow.used_pools().items()):
        slots = there.get(pool, 0)
        if slots == 0:
            what = "has no slots" if pool in there else "does not exist"
            yield Finding(
                "pools", f"pool {pool} {what}: {task} waits for ever",
                f"`airflow pools set {pool} 32 obzvon`, as many as tasks may run at once",
            )  # fmt: skip
