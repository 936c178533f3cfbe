"""What the cases happen in: database servers, one sandbox, workers that can be killed, and a person who can look."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

from faults.campaigns import PAGE, ROOT, campaign
from faults.worker import End, Job, work
from obzvon.ledger.doubts import Subject
from obzvon.ledger.keys import marker
from obzvon.local.postgres import Postgres
from obzvon.sandbox.process import Sandbox, running_sandbox
from obzvon.stages.settle import Answer, Choice, Question, answer
from obzvon.warehouse.db import connect_async
from obzvon.warehouse.migrate import migrate

T = TypeVar("T")
PATIENCE = 40.0
TEMPLATE = "faults_template"
_numbers = itertools.count(1)
#: Alembic keeps its context in one global place.
_migrating = threading.Lock()


class Unsuitable(AssertionError):
    """The case did not come to its moment, or never came to an end."""


def until(reached: Callable[[], T | None], what: str) -> T:
    """The first true answer."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := reached():
            return found
        time.sleep(0.01)
    raise Unsuitable(f"waited {PATIENCE:g} s in vain: {what}")


class Books:
    """The sandbox's own paths: its journal and dials are the judge."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._http = httpx.Client(base_url=f"{sandbox.base_url}/_sandbox/", timeout=30, trust_env=False)

    def look(self, book: str, **params: Any) -> Any:
        return self._http.get(book, params=params).raise_for_status().json()

    def tell(self, path: str, body: Any = None) -> None:
        self._http.post(path, json=body).raise_for_status()

    def no_faults(self) -> None:
        """Nothing goes wrong any more, and whatever is held goes on."""
        self._http.delete("faults").raise_for_status()
        self.tell("release")

    def close(self) -> None:
        self._http.close()


@dataclass(slots=True)
class Scene:
    """One case under way."""

    server: Postgres
    dsn: str
    sandbox: Sandbox
    books: Books
    vendor: str
    folder: Path
    options: Mapping[str, Any]
    workers: list[Any] = field(default_factory=list)
    questions: int = 0
    starts: int = 0

    def start(self, name: str) -> None:
        """Start a worker, for the first time or again."""
        job = Job(self.vendor, self.dsn, self.sandbox.base_url, self.folder, name, self.options)
        process = _processes().Process(target=work, args=(job,), name=name)
        process.start()
        self.workers.append(process)
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL every worker."""
        for process in self.workers:
            os.kill(process.pid, signal.SIGKILL)
            process.join()

    def held(self) -> Any:
        """Wait until the vendor holds a request."""
        return until(lambda: self.books.look("held"), "no request is held")

    def blocked(self) -> None:
        """Wait until a worker waits for a lock of the database."""
        query = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        with self.connection() as watcher:
            until(lambda: watcher.execute(query).fetchone(), "no worker waits for the lock")

    def arrived(self) -> None:
        """Wait until every request that a fault has struck is in the journal: a late one is done by then."""
        struck = {script["do"] for script in self.books.look("faults") if script["hits"]}
        for kind in struck:
            until(lambda kind=kind: self._done(kind), f"a request struck by {kind} never came through")

    def _done(self, kind: str) -> bool:
        hits = sum(script["hits"] for script in self.books.look("faults") if script["do"] == kind)
        entries = self.books.look("requests", bodies=False, limit=100_000)
        return sum(entry["fault"] == kind for entry in entries) >= hits

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection of the test's own."""
        with psycopg.connect(self.dsn, autocommit=True, application_name="faults") as conn:
            yield conn

    def finish(self, most: int) -> str:
        """Let the workers come to an end, starting again what failed: at most `most` starts. How it ended."""
        while self.workers:
            process = self.workers.pop(0)
            process.join(PATIENCE)
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                raise Unsuitable(f"{process.name} does not end")
            if process.exitcode == End.DONE:
                continue
            if self.starts >= most:
                return "failed"
            if process.exitcode == End.QUESTION:
                self._person(process.name)
            self.start(process.name)
        return "success"

    def _person(self, worker: str) -> None:
        asked: list[Question] = pickle.loads((self.folder / f"{worker}.questions").read_bytes())
        self.questions += len(asked)
        self.arrived()  # whoever is asked waits a quarter of an hour before looking
        asyncio.run(self._answers(asked))

    async def _answers(self, asked: list[Question]) -> None:
        async with await connect_async(self.dsn) as conn:
            for question in asked:
                await answer(conn, question, self._truth(question), campaign(self.vendor).settle, run_id="person")

    def _truth(self, question: Question) -> Answer:
        """What somebody sees who looks into the vendor's cabinet."""
        doubt, campaigns = question.doubt, self.books.look("campaigns")
        ours = [c for c in campaigns if marker(doubt.intent.intent_id) in c["name"]]
        if doubt.subject is Subject.CREATION:
            choice = Choice.EXISTS if ours else Choice.ABSENT
            return self._said(choice, ours[0]["task_id"] if ours else None)
        holds = next(c["contacts"] for c in ours if c["task_id"] == doubt.intent.vendor_task_id)
        known = {doubt.before: Choice.ABSENT, doubt.before + doubt.batch: Choice.EXISTS}
        return self._said(known.get(holds, Choice.LEAVE))

    @staticmethod
    def _said(choice: Choice, task_id: str | None = None) -> Answer:
        return Answer(choice, "the person on call", datetime.now(UTC), task_id)


class World:
    """Everything that outlives a case. One fast server; a durable one for the cases that crash it."""

    def __init__(self, folder: Path, fast: Postgres | None = None) -> None:
        self._folder, self._stack = folder, ExitStack()
        self._servers: dict[bool, Postgres] = {}
        self._given = fast
        options = {"speed": 0, "page_cap": PAGE, "dialog_token_seconds": 600, "twin_token_seconds": 600}
        self.sandbox = self._stack.enter_context(running_sandbox(folder / "sandbox", **options))
        self.books = Books(self.sandbox)
        self._stack.callback(self.books.close)

    def close(self) -> None:
        """Stop what was started here."""
        self._stack.close()

    @contextmanager
    def scene(self, vendor: str, options: Mapping[str, Any], *, crashes: bool = False) -> Iterator[Scene]:
        """A fresh warehouse, an empty sandbox, a folder."""
        server = self._server(durable=crashes)
        name = f"case_{next(_numbers)}"
        server.create_database(name, template=TEMPLATE)
        folder = self._folder / name
        folder.mkdir(parents=True)
        self.books.no_faults()
        self.books.tell("reset")
        scene = Scene(server, server.url(name), self.sandbox, self.books, vendor, folder, options)
        try:
            yield scene
        finally:
            for process in scene.workers:
                process.kill()
                process.join()
            server.drop_database(name)

    def _server(self, *, durable: bool) -> Postgres:
        if durable not in self._servers:
            server = self._given if self._given and not durable else self._own(durable=durable)
            with _migrating:
                if server.create_database(TEMPLATE):
                    migrate(server.url(TEMPLATE))
            self._servers[durable] = server
        return self._servers[durable]

    def _own(self, *, durable: bool) -> Postgres:
        server = Postgres(self._folder / ("durable" if durable else "pg"), durable=durable)
        server.start()
        self._stack.callback(server.stop)
        return server


@cache
def _processes() -> Any:
    """Processes forked from a server that has imported everything: a worker starts in milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faults.worker"])
    before = dict(os.environ)
    # the server looks here for what it preloads; nobody else shall
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), *filter(None, [before.get("PYTHONPATH")])])
    try:
        forkserver.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return context
