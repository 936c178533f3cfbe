"""Which channels alerts go to: the Airflow Variable `obzvon_alert_channels`.

    email <conn id> <address[,address]>; telegram <conn id> <chat id>; webhook <conn id>

Without it alerts are lines of the log of the DAG `watch` (they are that in any case).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import BaseNotifier, Variable

from obzvon.errors import ConfigError, ObzvonError
from obzvon.telemetry import metrics
from obzvon.telemetry.meter import count
from obzvon.telemetry.spans import fields
from obzvon.watching.message import Message
from obzvon.watching.rules import Severity
from obzvon_provider.notifiers.telegram import TelegramNotifier
from obzvon_provider.notifiers.webhook import WebhookNotifier

__all__ = ["CHANNELS", "DOCS", "Channel", "channels", "docs", "parse", "tell", "told"]

log = logging.getLogger(__name__)
CHANNELS, DOCS = "obzvon_alert_channels", "obzvon_docs_url"
_LEVELS = {Severity.CRITICAL: logging.CRITICAL, Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING}


@dataclass(frozen=True, slots=True)
class Channel:
    """One entry. `to`: addresses or a chat; empty for a webhook."""

    kind: str
    conn_id: str
    to: str

    def notifier(self, message: Message) -> BaseNotifier:
        """What sends this message there."""
        return _KINDS[self.kind](self, message)


def _email(channel: Channel, message: Message) -> BaseNotifier:
    html = "<br>".join(message.text.replace("&", "&amp;").replace("<", "&lt;").splitlines())
    return SmtpNotifier(
        smtp_conn_id=channel.conn_id, to=channel.to.split(","), subject=message.title, html_content=html
    )


def _telegram(channel: Channel, message: Message) -> BaseNotifier:
    return TelegramNotifier(conn_id=channel.conn_id, chat=channel.to, text=message.text)


def _webhook(channel: Channel, message: Message) -> BaseNotifier:
    return WebhookNotifier(conn_id=channel.conn_id, body=message.body)


_KINDS: Mapping[str, Callable[[Channel, Message], BaseNotifier]] = {
    "email": _email,
    "telegram": _telegram,
    "webhook": _webhook,
}


def parse(text: str) -> list[Channel]:
    """The channels of the Variable's text. ConfigError names the entry and shows how one is written."""
    found: list[Channel] = []
    for entry in filter(None, map(str.strip, text.split(";"))):
        kind, *rest = entry.split()
        if kind not in _KINDS or len(rest) != (1 if kind == "webhook" else 2):
            raise ConfigError(
                f"Variable {CHANNELS}: entry {len(found) + 1} is not understood; write `email <conn id> <addresses>`,"
                " `telegram <conn id> <chat>` or `webhook <conn id>`, separated by semicolons"
            )
        found.append(Channel(kind, rest[0], rest[1] if len(rest) > 1 else ""))
    return found


def channels() -> list[Channel]:
    """The channels as they are set now."""
    return parse(str(Variable.get(CHANNELS, default="")))


def docs() -> str | None:
    """Where the documentation's site stands; None where nobody has said so."""
    value: str | None = Variable.get(DOCS, default=None)
    return value or None


async def tell(to: Sequence[Channel], message: Message) -> bool:
    """Log the message and send it to every channel; False when there are some and none took it.

    A channel that fails keeps the others from nothing; what it said is logged without the message.
    """
    with fields(alert=message.rule, subject=message.subject, severity=message.severity, news=message.news):
        log.log(_LEVELS[Severity(message.severity)], "%s", message.text)
        taken = [await _sent(channel, message) for channel in to]
    return any(taken) or not to


async def _sent(channel: Channel, message: Message) -> bool:
    try:
        await channel.notifier(message)
    except Exception as error:  # noqa: BLE001  (whatever the library of a mail server raises)
        # the class alone: such errors quote addresses, and an address may carry a token
        log.error("alert %s: %s by connection %s failed: %s", message.rule, channel.kind, channel.conn_id, _why(error))
        count(metrics.TOLD, message.rule, channel.kind, "failed")
        return False
    count(metrics.TOLD, message.rule, channel.kind, "sent")
    return True


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, ObzvonError) else type(error).__name__


async def told(message_of: Callable[[str | None], Message]) -> bool:
    """`tell` with what the Variables say now, from a trigger: reading them must not hold up its loop."""
    to, site = await asyncio.gather(asyncio.to_thread(channels), asyncio.to_thread(docs))
    return await tell(to, message_of(site))
