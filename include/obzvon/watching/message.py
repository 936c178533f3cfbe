"""What a person reads of an alert: the same few facts in every channel. No phone, no name, no text of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from obzvon.watching.alerts import Case, News
from obzvon.watching.rules import Rule

__all__ = ["Message", "page_address"]

_HEAD = {News.BEGAN: "", News.LASTS: "still: ", News.ENDED: "over: "}


def page_address(rule: Rule, docs: str | None) -> str:
    """The runbook: on the site of the documentation where its address is known, else the file in the project."""
    return f"{docs.rstrip('/')}/{rule.page.removesuffix('.md')}/" if docs else f"docs/{rule.page}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `began_at` is UTC; `runbook` an address or a path in the project."""

    rule: str
    severity: str
    subject: str
    news: str
    says: str
    cure: str
    runbook: str
    began_at: datetime
    value: float | None = None
    metric: str | None = None

    @classmethod
    def of(cls, case: Case, docs: str | None) -> Self:
        """About a case."""
        rule, metric = case.rule, case.rule.metric.exposed if case.rule.metric else None
        return cls(
            rule.name, rule.severity, case.subject, case.news, rule.says, rule.cure, page_address(rule, docs),
            case.began_at, case.value, metric,
        )  # fmt: skip

    @property
    def title(self) -> str:
        """One line: how grave, what, of whom."""
        of = f" ({self.subject})" if self.subject else ""
        return f"[{self.severity}] {_HEAD[News(self.news)]}{self.rule}{of}"

    @property
    def text(self) -> str:
        """The whole message as plain lines."""
        since = f"since {self.began_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        figure = f", {self.metric} = {self.value:.12g}" if self.metric and self.value is not None else ""
        lines = [self.title, f"{self.says} ({since}{figure})"]
        if self.news != News.ENDED:
            lines.append(f"What to do: {self.cure}")
        return "\n".join([*lines, f"Runbook: {self.runbook}"])

    @property
    def body(self) -> dict[str, Any]:
        """For machines: a webhook's JSON."""
        return {
            "alert": self.rule, "severity": self.severity, "subject": self.subject, "news": self.news,
            "says": self.says, "cure": self.cure, "runbook": self.runbook, "value": self.value, "metric": self.metric,
            "began_at": self.began_at.astimezone(UTC).isoformat(), "text": self.text,
        }  # fmt: skip
