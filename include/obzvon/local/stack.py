"""The local stack: PostgreSQL, the sandbox and Airflow's processes, started together and stopped together."""

from __future__ import annotations

import fcntl
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg

from obzvon.errors import ObzvonError
from obzvon.local import servers
from obzvon.local.airflow_api import AirflowApi, health
from obzvon.local.broker import Broker
from obzvon.local.environment import ADMIN, AIRFLOW_CLI, PYTHON, Ports, stack_environment
from obzvon.local.executor import LOCAL, Executor
from obzvon.local.home import Home
from obzvon.local.ports import HOST, free_port, is_free
from obzvon.local.processes import Service, stop_all, tail
from obzvon.local.schema import airflow_schema, warehouse_schema
from obzvon.local.secrets import Secrets, write_private

__all__ = ["Address", "Stack", "StackError"]

WELL_KNOWN = Ports(web=8080, sandbox=8765)
SANDBOX_SECONDS = 60
AIRFLOW_SECONDS = 45  # for each process: they share the cores while they import
STOP_SECONDS = 6.0
PORT_TRIES = 3
Say = Callable[[str], None]


class StackError(ObzvonError):
    """A part of the local stack does not start. The message names its log."""


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach a running stack."""

    web: str
    sandbox: str
    user: str
    password: str = field(repr=False)


class Stack:
    """The stack of one state folder. `say` gets one line for each part that is ready, with its seconds.

    It listens on the `wanted` ports, or on others where a stranger has them. Two stacks that start at one moment want
    different ones: neither sees yet what the other takes.
    """

    def __init__(
        self,
        home: Home | None = None,
        say: Say = lambda _: None,
        sandbox: Sequence[str] = (),
        executor: Executor = LOCAL,
        wanted: Ports = WELL_KNOWN,
    ) -> None:
        self.home = home or Home.find()
        self.home.make()
        self.secrets = Secrets.of(self.home.folder)
        self.server = servers.choose(self.home.postgres)
        self.sandbox = self._service("sandbox")
        self.executor, self.broker = executor, Broker(self.home)
        self.airflow = {name: self._service(name) for name in executor.processes}
        self._say, self._sandbox_options, self._wanted = say, sandbox, wanted
        self._failed = threading.Event()

    def _service(self, name: str) -> Service:
        return Service(name, self.home.run, self.home.logs)

    @property
    def services(self) -> list[Service]:
        """Every process of the stack but PostgreSQL, which keeps a pid file of its own."""
        broker = [self.broker.service] if self.executor.workers else []
        return [*self.airflow.values(), self.sandbox, *broker]

    @property
    def running(self) -> bool:
        """True when every process of the stack lives, the sandbox listens and Airflow is healthy."""
        alive = all(service.running for service in self.services)
        return alive and self.sandbox.listens(self.ports.sandbox) and self._healthy(None)

    # where ------------------------------------------------------------------------------------------------------

    @property
    def _note(self) -> Path:
        return self.home.run / "ports.json"

    @property
    def ports(self) -> Ports:
        """The ports in use, or those of the last run."""
        try:
            return Ports(**json.loads(self._note.read_text()))
        except (OSError, ValueError, TypeError):
            return self._wanted

    @property
    def address(self) -> Address:
        """Where the stack is, or was when it last ran."""
        web, sandbox = (f"http://{HOST}:{port}" for port in (self.ports.web, self.ports.sandbox))
        return Address(web, sandbox, ADMIN, self.secrets.admin_password)

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the stack gets."""
        return stack_environment(self.home, self.secrets, self.ports, self.server, self.executor)

    @property
    def warehouse(self) -> str:
        """libpq URL of the warehouse."""
        return self.server.url("obzvon_warehouse")

    def connect(self) -> psycopg.Connection:
        """A connection to the warehouse that sees what is committed at each statement. StackError when it is down."""
        try:
            return psycopg.connect(
                self.warehouse, autocommit=True, options="-c timezone=UTC", application_name="obzvon"
            )
        except psycopg.OperationalError as error:
            raise StackError("the warehouse does not answer; start the stack with `make up`") from error

    def api(self) -> AirflowApi:
        """A client of the running web server."""
        return AirflowApi(self.address.web, self.address.user, self.address.password)

    # up ---------------------------------------------------------------------------------------------------------

    def up(self) -> bool:
        """Start what does not run yet and wait until all of it is healthy. True when this call started something."""
        with self._alone():
            self.server.start()
            if self.running:
                return False
            any_before = any(service.running for service in self.services)
            try:
                self._start()
            except BaseException:  # Ctrl-C included: no half-started stack is left behind
                if not any_before:
                    self._stop()
                raise
            return True

    def _start(self) -> None:
        write_private(self.home.passwords, json.dumps({ADMIN: self.secrets.admin_password}))
        for tries_left in reversed(range(PORT_TRIES)):
            self._choose_ports()
            try:
                self._start_parts()
            except StackError:
                lost = self._lost_ports()
                if not lost or not tries_left:
                    raise
            else:
                return
            self._say(f"  another program took the port of {' and '.join(one.name for one in lost)}; taking another")
            stop_all(lost, STOP_SECONDS)

    def _start_parts(self) -> None:
        self._failed.clear()
        with ThreadPoolExecutor() as pool:
            parts = [pool.submit(part) for part in (self._start_sandbox, self._migrate_warehouse, self._start_airflow)]
            try:
                for part in as_completed(parts):
                    part.result()
            except BaseException:
                self._failed.set()  # the others stop waiting
                raise

    def _lost_ports(self) -> list[Service]:
        """Services whose port a stranger took between the choice and the start, some ten seconds later."""
        ports = {self.airflow["api-server"]: self.ports.web, self.sandbox: self.ports.sandbox}
        return [one for one, port in ports.items() if not is_free(port) and not one.listens(port)]

    def _choose_ports(self) -> None:
        last, wanted = self.ports, self._wanted
        # processes that still run were told the last ports; a fresh start takes the wanted ones if they are free
        wishes = (last, wanted) if any(service.running for service in self.services) else (wanted, last)
        chosen = Ports(
            last.web if self.airflow["api-server"].running else free_port(ports.web for ports in wishes),
            last.sandbox if self.sandbox.running else free_port(ports.sandbox for ports in wishes),
        )
        if chosen != last:
            stop_all(self.airflow.values(), STOP_SECONDS)
        write_private(self._note, json.dumps(asdict(chosen)))

    def _start_sandbox(self) -> None:
        with self._timed("sandbox of the three vendors"):
            options = ["--port", str(self.ports.sandbox), "--state", str(self.home.sandbox), *self._sandbox_options]
            self.sandbox.start([PYTHON, "-m", "obzvon.sandbox", *options], self.environment, self.home.sandbox)
            self._until(self._sandbox_answers, [self.sandbox], SANDBOX_SECONDS)

    def _sandbox_answers(self) -> bool:
        return _answers(f"{self.address.sandbox}/_sandbox/clock") and self.sandbox.listens(self.ports.sandbox)

    def _migrate_warehouse(self) -> None:
        schema = warehouse_schema(self.warehouse, self.home.run)
        if schema.current:
            return
        # imported late: Alembic takes a second that a second start can save; not a command: its DSN may hold a password
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        from obzvon.warehouse.migrate import migrate  # noqa: PLC0415

        with self._timed("tables of the warehouse"):
            try:
                migrate(self.warehouse)
            except (psycopg.Error, SQLAlchemyError) as error:
                raise StackError(f"the warehouse could not be brought up to date: {error}") from error
        schema.stamp()

    def _migrate_airflow(self) -> None:
        schema = airflow_schema(self.server.url("obzvon_airflow"), self.home.run)
        if schema.current:
            return
        log = self.home.logs / "airflow-db-migrate.log"
        command = [AIRFLOW_CLI, "db", "migrate"]
        with self._timed("tables of Airflow"), log.open("wb") as out:
            done = subprocess.run(  # noqa: S603
                command, env=self.environment, cwd=self.home.airflow, stdout=out, stderr=out, check=False
            )
        if done.returncode:
            raise StackError(f"Airflow's database could not be brought up to date, see {log}:\n{tail(log)}")
        schema.stamp()

    def _start_airflow(self) -> None:
        self._migrate_airflow()
        if self.executor.workers:
            self.broker.start(self.environment)
        with self._timed(f"Airflow: {', '.join(self.airflow)}"):
            started = datetime.now(UTC)
            missing = [service for service in self.airflow.values() if not service.running]
            for service in missing:
                service.start(
                    [AIRFLOW_CLI, *self.executor.processes[service.name]], self.environment, self.home.airflow
                )
            # a heartbeat of the run before looks healthy for 30 s
            since = started if len(missing) == len(self.airflow) else None
            self._until(lambda: self._healthy(since), list(self.airflow.values()), AIRFLOW_SECONDS * len(self.airflow))

    def _healthy(self, since: datetime | None) -> bool:
        found = health(self.address.web)
        if found is None or not found.healthy or (since is not None and found.oldest_heartbeat < since):
            return False
        if not self.airflow["api-server"].listens(self.ports.web):  # a stranger's Airflow is healthy too
            return False
        return not self.executor.workers or self._complete(since)

    def _complete(self, since: datetime | None) -> bool:
        """Every scheduler and triggerer beats, where one is enough for Airflow's health, and each worker answers."""
        with self.api() as api:
            beating = {job.host for job in api.jobs() if since is None or job.latest_heartbeat >= since}
        many = {name for name, words in self.executor.processes.items() if words[0] in {"scheduler", "triggerer"}}
        if not many <= beating:
            return False
        return self.broker.workers() >= set(self.executor.worker_names)

    def _until(self, ready: Callable[[], bool], services: list[Service], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not ready() and not self._failed.is_set():
            for service in services:
                if not service.running:
                    raise StackError(f"{service.name} ended while starting, see {service.log}:\n{tail(service.log)}")
            if time.monotonic() > until:
                names = ", ".join(service.name for service in services)
                raise StackError(f"{names}: not healthy after {seconds} s; look into {self.home.logs}")
            time.sleep(0.2)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        if not self._failed.is_set():
            self._say(f"  {what:<58}{time.monotonic() - started:6.1f} s")

    # down -------------------------------------------------------------------------------------------------------

    def down(self) -> None:
        """Stop exactly what `up` started. Does nothing where nothing runs."""
        with self._alone():
            self._stop()

    def _stop(self) -> None:
        stop_all(self.services, STOP_SECONDS)
        self.server.stop()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.home.run / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False
