"""The contracts as they are written, checked for slips, and the SQL that each of them means. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from obzvon.errors import ConfigError

__all__ = ["Contracts", "Rule", "SetRule", "TableContract", "contracts", "parse", "statement_text"]

Severity = Literal["error", "warning"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Table = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$")]
#: Columns of these names say who somebody is: no failure shows them.
PERSONAL = frozenset({"phone", "phone_e164", "phone_raw", "phone_key", "full_name", "text_redacted", "external_id"})


class Model(BaseModel):
    """Frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRules(Model):
    """What must hold of one column; nulls pass all but `not_null`."""

    not_null: bool = False
    accepted: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    relation: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z0-9_]+\.[a-z0-9_]+$")] | None = None
    severity: Severity = "error"


class RowRule(Model):
    """An expression over one row that must not be false."""

    holds: str
    says: str
    column: Name | None = None
    severity: Severity = "error"


class SetRule(Model):
    """A statement of `statements/` that gives one row: checked, failed, examples. It may use `now` and `since`."""

    table: Table
    kind: Literal["freshness", "reconciliation", "relation", "distribution", "accepted"]
    file: Name
    says: str
    column: Name | None = None
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a table; `broken` is true of a row that breaks it."""

    name: str
    kind: str
    severity: Severity
    says: str
    column: str | None
    broken: sql.Composable


class TableContract(Model):
    """Everything that is promised about the rows of one table."""

    key: Annotated[tuple[Name, ...], Field(min_length=1)]
    loaded: Name | None = None
    columns: dict[Name, ColumnRules] = {}
    rows: dict[Name, RowRule] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules one by one, in the order of the file."""
        of_columns = [rule for name, column in self.columns.items() for rule in _of_column(name, column)]
        of_rows = [
            Rule(name, "row", row.severity, row.says, row.column, sql.SQL("({}) is false").format(_trusted(row.holds)))
            for name, row in self.rows.items()
        ]
        return (*of_columns, *of_rows)


class Contracts(Model):
    """The whole file."""

    tables: dict[Table, TableContract]
    sets: dict[Name, SetRule]

    @property
    def fingerprint(self) -> str:
        """sha256 over everything that decides what is checked."""
        text = self.model_dump_json() + "".join(statement_text(rule.file) for rule in self.sets.values())
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def contracts() -> Contracts:
    """The contracts that this package ships."""
    return parse(files("obzvon.checks").joinpath("contracts.yaml").read_text(encoding="utf-8"))


def parse(text: str) -> Contracts:
    """Contracts from YAML. ConfigError names the key of a slip, or a key column that would show a person."""
    try:
        found = Contracts.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise ConfigError(f"data contracts: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    for table, contract in found.tables.items():
        if personal := PERSONAL.intersection(contract.key):
            raise ConfigError(f"data contracts: {table}: key: {', '.join(sorted(personal))} would show a person")
    return found


@cache
def statement_text(name: str) -> str:
    """The SQL of `statements/<name>.sql`."""
    return files("obzvon.checks").joinpath("statements", f"{name}.sql").read_text(encoding="utf-8")


def _of_column(name: str, rules: ColumnRules) -> Iterator[Rule]:
    column, severity = sql.Identifier(name), rules.severity
    if rules.not_null:
        broken: sql.Composable = sql.SQL("{} is null").format(column)
        yield Rule(f"{name}_not_null", "not_null", severity, f"{name} is never empty", name, broken)
    if rules.accepted:
        values = sql.SQL(", ").join(map(sql.Literal, rules.accepted))
        broken = sql.SQL("{} not in ({})").format(column, values)
        says = f"{name} is one of {', '.join(rules.accepted)}"
        yield Rule(f"{name}_accepted", "accepted", severity, says, name, broken)
    if rules.least is not None or rules.most is not None:
        yield Rule(f"{name}_range", "range", severity, f"{name} is {_range(rules)}", name, _outside(column, rules))
    if rules.relation is not None:
        schema, table, key = rules.relation.split(".")
        # `not in` over a subselect without nulls is a hashed look-up: one pass however many rows
        broken = sql.SQL("{} not in (select {key} from {} where {key} is not null)").format(
            column, sql.Identifier(schema, table), key=sql.Identifier(key)
        )
        says = f"{name} is known to {rules.relation}"
        yield Rule(f"{name}_relation", "relation", severity, says, name, broken)


def _outside(column: sql.Identifier, rules: ColumnRules) -> sql.Composable:
    bounds = [
        sql.SQL("{} {} {}").format(column, sql.SQL(sign), sql.Literal(bound))
        for sign, bound in (("<", rules.least), (">", rules.most))
        if bound is not None
    ]
    return sql.SQL(" or ").join(bounds)


def _range(rules: ColumnRules) -> str:
    if rules.most is None:
        return f"at least {rules.least:g}"
    return f"at most {rules.most:g}" if rules.least is None else f"from {rules.least:g} to {rules.most:g}"


def _trusted(expression: str) -> sql.SQL:
    # sql.SQL wants a literal because it is not escaped; the expressions are part of this package
    return sql.SQL(expression)
