"""What comes back from Qolio: are operators ready, are delivered calls there, and what did the reviewers say."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseAsyncOperator, BaseOperator, Context

from obzvon.campaigns.catalogue import Catalogue
from obzvon.errors import ConfigError
from obzvon.stages.preflight import require_operators
from obzvon.stages.reviews import DAYS, pull_reviews
from obzvon.stages.verify import connections_of, missing_plans, verify
from obzvon_provider.failures import one_sentence
from obzvon_provider.hooks.warehouse import WarehouseHook
from obzvon_provider.links import QolioLink
from obzvon_provider.paths import campaigns_folder
from obzvon_provider.runtime import has_account_login, qolio_account_of

__all__ = ["MissingPlansOperator", "OperatorsOperator", "QolioAccountsOperator", "ReviewsOperator", "VerifyOperator"]


log = logging.getLogger(__name__)


class QolioAccountsOperator(BaseOperator):
    """The Qolio connections that campaigns use and that have a login for the account API, as ids to map over."""

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[str]:
        with one_sentence():
            used = {spec.qolio.conn_id for spec in Catalogue(campaigns_folder()).specs}
            used |= connections_of(WarehouseHook(self.warehouse_conn_id).dsn(), datetime.now(UTC))
            ready = sorted(conn_id for conn_id in used if has_account_login(conn_id))
        if unchecked := sorted(used - set(ready)):
            log.warning(
                "connections without account_email and account_password, of which nothing is checked: %s", unchecked
            )
        return ready


class _AccountOperator(BaseAsyncOperator):
    """Base of what is done over one connection's account API."""

    template_fields: Sequence[str] = ("conn_id",)
    operator_extra_links = (QolioLink(),)

    def __init__(self, *, conn_id: str, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id, self.warehouse_conn_id = conn_id, warehouse_conn_id

    async def dsn(self) -> str:
        """The warehouse."""
        return await WarehouseHook(self.warehouse_conn_id).adsn()


def _lost(conn_id: str) -> ConfigError:
    return ConfigError(f"connection {conn_id} has lost its account login; fill it in and clear the task `accounts`")


class OperatorsOperator(_AccountOperator):
    """Fails when an operator of a campaign file is unknown to Qolio or inactive. Returns who was looked at."""

    async def aexecute(self, context: Context) -> list[str]:
        wanted: dict[str, list[str]] = defaultdict(list)
        with one_sentence():
            for spec in Catalogue(campaigns_folder()).specs:
                if spec.qolio.conn_id == self.conn_id:
                    wanted[spec.qolio.operator_id].append(spec.name)
            if not wanted:
                return []
            async with qolio_account_of(self.conn_id, await self.dsn()) as account:
                if account is None:
                    raise _lost(self.conn_id)
                await require_operators(account, wanted)
        return sorted(wanted)


class VerifyOperator(_AccountOperator):
    """Looks which delivered calls are at Qolio; fails, after storing, when some are not. Returns counts."""

    async def aexecute(self, context: Context) -> dict[str, Any]:
        with one_sentence():
            dsn = await self.dsn()
            async with qolio_account_of(self.conn_id, dsn) as account:
                if account is None:
                    raise ConfigError(
                        f"connection {self.conn_id} has lost its account login; clear the task `accounts`"
                    )
                return asdict((await verify(dsn, account)).require())


class MissingPlansOperator(BaseAsyncOperator):
    """Plans with calls that Qolio took and does not have, as ids to map a delivery over."""

    def __init__(self, *, warehouse_conn_id: str = "warehouse_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    async def aexecute(self, context: Context) -> list[str]:
        with one_sentence():
            plans = await missing_plans(await WarehouseHook(self.warehouse_conn_id).adsn(), datetime.now(UTC))
        self.log.info("%d plans have calls to send again", len(plans))
        return plans


class ReviewsOperator(_AccountOperator):
    """Pulls the reviews of the last days and loads them. Returns counts."""

    async def aexecute(self, context: Context) -> dict[str, int]:
        with one_sentence():
            dsn = await self.dsn()
            async with qolio_account_of(self.conn_id, dsn) as account:
                if account is None:
                    raise ConfigError(
                        f"connection {self.conn_id} has lost its account login; clear the task `accounts`"
                    )
                return asdict(await pull_reviews(dsn, account, days=context["params"].get("days", DAYS)))
