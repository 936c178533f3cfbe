"""Trying a connection to Dialog.

Its documented API is login, create and report, and the report wants the ids of a project: nothing can be read by a
connection alone. So a login is all that can be proven; of a ready token not even that.
"""

from __future__ import annotations

from obzvon.errors import VendorError
from obzvon.vendors.account import Account
from obzvon.vendors.connection_forms import DIALOG
from obzvon.vendors.dialog_auth import DialogLogin
from obzvon.vendors.http import VendorSession
from obzvon.vendors.trial import ONCE, Step, hurried, local_time, require_fields, step

__all__ = ["dialog_trial"]

_LOG_IN = Step("log in", "address, `api_path` or `login_path`", login=True)
_LOOK = Step("look at the address", "address")
_REST = "the right to create campaigns and to read reports, because Dialog documents no request that only reads"


async def dialog_trial(account: Account) -> str:
    """Log in, or with a ready token see that the address answers; what is proven and what is not."""
    require_fields(account, DIALOG)
    account.check()
    async with VendorSession("dialog", hurried(account), patience=ONCE) as session:
        if account.token:
            with step(_LOOK):
                status = await _answers(session)
            proven, rest = f"the address answers (HTTP {status})", f"the ready token, and {_REST}"
        else:
            with step(_LOG_IN):
                await DialogLogin(session.account).header(session)
            proven, rest = "address and login", _REST
    return f"Proven: {proven}. Not proven: {rest}. Compare {local_time(account, 'platform_timezone')}."


async def _answers(session: VendorSession) -> int:
    """The status of the address's front page: any answer shows that name, TLS and server are there."""
    try:
        return (await session.read("GET", "/", action="look at the address", auth=False)).status
    except VendorError as error:
        if error.status is None or error.status >= 500:
            raise
        return error.status
