"""Spans of stages and vendor calls, and the fields that log lines inside of them carry.

OpenTelemetry's API alone: without an SDK in the process a span costs next to nothing. In a task that Airflow traces
they are children of the task's span, because that one is current. Fields go through structlog's context: Airflow
merges it into the lines of stdlib loggers too (`extra=` it drops).
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as fields_of
from time import monotonic
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from structlog.contextvars import bound_contextvars

from obzvon.errors import VendorError
from obzvon.telemetry import metrics
from obzvon.telemetry.meter import count, timing

__all__ = ["SHOWN", "Call", "answered", "call", "counts_of", "fields", "staged"]

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)
_tracer = trace.get_tracer("obzvon")
#: So much of an intent's or a plan's id is shown, as everywhere in logs.
SHOWN = 8


@contextmanager
def fields(**values: object) -> Iterator[None]:
    """Every log line inside carries these; None is left out. Ids are shortened to their first 8 digits."""
    shown = {key: _short(key, value) for key, value in values.items() if value is not None}
    with bound_contextvars(**shown):
        yield


def staged(stage: str, about: Callable[..., Mapping[str, object]]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a stage, plain or async: a span, a timing, its fields on all lines, and a last line with its counts.

    `about` makes the fields (campaign, plan, batch …) from the arguments of the stage.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                with _stage(stage, about(*args, **kwargs)) as end:
                    return end(await cast(Awaitable[Any], function(*args, **kwargs)))

            return cast(Callable[P, R], awaited)

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with _stage(stage, about(*args, **kwargs)) as end:
                return cast(R, end(function(*args, **kwargs)))

        return called

    return decorate


@contextmanager
def _stage(stage: str, about: Mapping[str, object]) -> Iterator[Callable[[Any], Any]]:
    began = monotonic()

    def end(result: Any) -> Any:
        counts = counts_of(result)
        span.set_attributes({f"obzvon.{name}": value for name, value in counts.items()})
        with fields(**counts, seconds=round(monotonic() - began, 3)):
            log.info("%s is done", stage)
        return result

    with fields(stage=stage, **about), _span(f"obzvon.{stage}", SpanKind.INTERNAL, about) as span:
        try:
            yield end
        except Exception as error:
            timing(metrics.STAGE, monotonic() - began, stage, type(error).__name__)
            raise
        timing(metrics.STAGE, monotonic() - began, stage, "ok")


@dataclass(slots=True)
class Call:
    """One call to a vendor: how often it was asked until it answered for good."""

    requests: int = 0


@contextmanager
def call(vendor: str, operation: str) -> Iterator[Call]:
    """The span of one call to a vendor, repetitions included. Neither address nor body stands in it."""
    with _span(f"{vendor} {operation}", SpanKind.CLIENT, {"vendor": vendor, "operation": operation}) as span:
        made = Call()
        try:
            yield made
        except VendorError as error:
            count(metrics.ERRORS, vendor, operation, str(error.delivery))
            raise
        finally:
            span.set_attribute("obzvon.retries", max(0, made.requests - 1))


def answered(vendor: str, operation: str, status: int | None, seconds: float) -> None:
    """Note one request of the call: its status (None: no answer came) and how long that took."""
    group = f"{status // 100}xx" if status else "none"
    timing(metrics.REQUEST, seconds, vendor, operation, group)
    if status:
        trace.get_current_span().set_attribute("obzvon.status", status)


@contextmanager
def _span(name: str, kind: SpanKind, about: Mapping[str, object]) -> Iterator[Span]:
    """A span whose failure is the class of its error: what an error says may be about one contact."""
    attributes = {f"obzvon.{key}": str(_short(key, value)) for key, value in about.items() if value is not None}
    with _tracer.start_as_current_span(
        name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def counts_of(result: object) -> dict[str, int]:
    """The numbers of a stage's result by name: fields that are whole numbers, and those of mappings to numbers."""
    if isinstance(result, Mapping):
        return {str(key): value for key, value in result.items() if isinstance(value, int)}
    if not is_dataclass(result):
        return {}
    found: dict[str, int] = {}
    for each in fields_of(result):
        value = getattr(result, each.name)
        if isinstance(value, Mapping):
            found |= counts_of(value)
        elif isinstance(value, int):
            found[each.name] = value
    return found


def _short(key: str, value: object) -> object:
    return str(value)[:SHOWN] if key in {"intent", "plan"} else value
