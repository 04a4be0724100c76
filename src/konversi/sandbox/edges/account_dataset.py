"""`/v{N}.0/{account}/dataset`, of a WhatsApp Business Account, a Page, or an Instagram account.

Source: Meta, Conversions API for business messaging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.sandbox import errors
from konversi.sandbox.access import opened
from konversi.sandbox.answers import Answer, new_trace
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta

_LONGEST_NAME = 200


async def make_dataset(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    """The dataset that the account has, else a new one."""
    account = opened(meta.datasets.account(call.node), call)
    if isinstance(account, Refusal):
        return account
    name = call.given.get("dataset_name")
    if not _is_name(name):
        return Refusal(errors.INVALID, top="dataset_name")
    made = meta.datasets.make(account, name)
    return Refusal(errors.TOO_MANY_DATASETS) if made is None else Answer({"id": made.id}, trace=new_trace())


async def show_dataset(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    account = opened(meta.datasets.account(call.node), call)
    if isinstance(account, Refusal):
        return account
    found = meta.datasets.of_account(account.id)
    return Answer({"data": [{"id": found.id}] if found else []}, trace=new_trace())


def _is_name(name: Any) -> bool:
    return name is None or (isinstance(name, str) and 0 < len(name.strip()) <= len(name) <= _LONGEST_NAME)
