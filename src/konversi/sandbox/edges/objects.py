"""`GET /v{N}.0/{id}`: a dataset, or an object of the ad account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.sandbox import errors
from konversi.sandbox.access import opened
from konversi.sandbox.ad_account import PREFIX, account_in
from konversi.sandbox.ads import AD_FIELDS, NODES
from konversi.sandbox.answers import Answer, new_trace
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.sandbox.call import Call
    from konversi.sandbox.errors import GraphError
    from konversi.sandbox.faults import Fault
    from konversi.sandbox.local import LocalMeta


async def look(meta: LocalMeta, call: Call, _fault: Fault | None) -> Answer | Refusal:
    wanted = [name for name in str(call.given.get("fields") or "").split(",") if name]
    if call.node.startswith(PREFIX):
        account = account_in(meta, call)
        return account if isinstance(account, Refusal) else _shown(meta.spending.facts(account), wanted, errors.INVALID)
    found = meta.datasets.find(call.node)
    if found is None and call.node in NODES:
        return _shown(NODES[call.node], wanted, errors.NO_AD_FIELD)
    dataset = opened(found, call)
    if isinstance(dataset, Refusal):
        return dataset
    if dataset.open and not AD_FIELDS.isdisjoint(wanted):
        return Refusal(errors.UNKNOWN_NODE_GET)  # asked for as an ad, and nobody said that it is a dataset
    name = dataset.name or f"Sandbox dataset {dataset.id}"
    node = {"id": dataset.id, "name": name, "is_consolidated_container": True}
    return _shown(node, wanted or ["name"], errors.NO_FIELD)


def _shown(node: Mapping[str, object], wanted: Sequence[str], otherwise: GraphError) -> Answer | Refusal:
    """The fields that are wanted, and the id."""
    if not node.keys() >= set(wanted):
        return Refusal(otherwise)
    return Answer({name: node[name] for name in dict.fromkeys((*wanted, "id"))}, trace=new_trace())
