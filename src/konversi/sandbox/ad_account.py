"""Which ad account a call is about, and whether its token may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.sandbox import errors
from konversi.sandbox.access import unknown
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from konversi.sandbox.call import Call
    from konversi.sandbox.local import LocalMeta

PREFIX = "act_"
_NOT_GRANTED = "limited"  # what a token begins with that may send events and read no ads


def account_in(meta: LocalMeta, call: Call) -> str | Refusal:
    """The account's id without its prefix."""
    account = call.node.removeprefix(PREFIX)
    if not call.node.startswith(PREFIX) or not meta.spending.has(account):
        return unknown(call)
    return Refusal(errors.NO_PERMISSION) if (call.token or "").startswith(_NOT_GRANTED) else account
