"""`POST /v{N}.0/{phone_number_id}/messages`: the WhatsApp Cloud API's way to send, and to mark as read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from konversi.sandbox import errors
from konversi.sandbox.accounts import IS_ID
from konversi.sandbox.ads import NODES
from konversi.sandbox.answers import Answer, new_trace
from konversi.sandbox.errors import Refusal
from konversi.sandbox.messages import Message, acknowledged, new_wamid
from konversi.sandbox.rules.outgoing import OPTIONAL_TYPE, first_fault, objects_of

if TYPE_CHECKING:
    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta

_SECRETS = frozenset({"access_token", "appsecret_proof"})


async def send_message(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    if not IS_ID(call.node) or _is_no_line(meta, call.node):
        return Refusal(errors.UNKNOWN_NODE_POST)
    body = objects_of({name: value for name, value in call.given.items() if name not in _SECRETS})
    refusal = first_fault(body, len(orjson.dumps(body)))
    if refusal is not None:
        return refusal
    if body.get("status") == "read":
        return Answer({"success": True}, trace=new_trace())
    message = _message(meta.now(), call.node, body)
    meta.messages.append(message)
    return Answer(acknowledged(message), trace=new_trace())


def _is_no_line(meta: LocalMeta, node: str) -> bool:
    """Whether the id is known to be of something else than a phone number."""
    dataset = meta.datasets.find(node)
    return node in NODES or meta.datasets.of_account(node) is not None or (dataset is not None and not dataset.open)


def _message(now: float, line: str, body: dict[str, Any]) -> Message:
    to = body.get("to")
    kind = str(body.get("type") or OPTIONAL_TYPE).lower()
    return Message(
        id=new_wamid(),
        sent_at=now,
        phone_number_id=line,
        to=str(to) if to else None,
        recipient=None if to else str(body["recipient"]),
        type=kind,
        text=body["text"]["body"] if kind == "text" else None,
        body=body,
    )
