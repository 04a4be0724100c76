"""`/v{N}.0/debug_token?input_token=`: what Meta knows of a token.

A token tells it by itself here: one that begins with `expires10d` expires in ten days, and any other does not. One that
begins with `limited` may not ask.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from konversi.sandbox import errors
from konversi.sandbox.access import unknown
from konversi.sandbox.answers import Answer, new_trace
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta

_DAY = 86_400
_NOT_GRANTED = "limited"
_expiring = re.compile(r"expires([0-9]{1,4})d").match


async def debug_token(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    if call.method == "POST" and str(call.given.get("method", "")).lower() != "get":
        return unknown(call)
    token = call.given.get("input_token")
    if not isinstance(token, str) or not token:
        return Refusal(errors.MISSING, top="input_token")
    if (call.token or "").startswith(_NOT_GRANTED):
        return Refusal(errors.NO_PERMISSION)
    days = _expiring(token)
    at = int(meta.now()) + int(days[1]) * _DAY if days else 0
    known = not token.startswith(("invalid", "expired"))
    return Answer(
        {"data": {"type": "SYSTEM_USER", "is_valid": known, "expires_at": at, "data_access_expires_at": 0}},
        trace=new_trace(),
    )
