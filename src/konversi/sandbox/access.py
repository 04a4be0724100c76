"""Who may do what: version, token, dataset (Meta, Graph API: versioning, access tokens, error handling)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from konversi.sandbox import errors
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from konversi.sandbox.call import Call
    from konversi.sandbox.datasets import Dataset, Datasets

_VERSION = re.compile(r"v([0-9]{1,3})\.0").fullmatch
_PROOF = re.compile(r"[0-9a-f]{64}").fullmatch
_SHORTEST_TOKEN = 8
_EDGES = {"GET": "", "POST": "events"}


def access(call: Call, datasets: Datasets) -> Dataset | Refusal:
    """The dataset that the call is for, or why it may not have it."""
    stopped = _version(call) or _token(call)
    if stopped is not None:
        return stopped
    unknown = Refusal(errors.UNKNOWN_NODE_GET if call.method == "GET" else errors.UNKNOWN_NODE_POST)
    dataset = datasets.find(call.node)
    if dataset is None or _EDGES.get(call.method) != call.edge:
        return unknown
    return dataset if dataset.token in {None, call.token} else unknown


def _version(call: Call) -> Refusal | None:
    version = _VERSION(call.version)
    number = int(version[1]) if version else 0
    if not call.node or not 1 <= number <= errors.NEWEST_VERSION:
        return Refusal(errors.UNKNOWN_PATH)
    return Refusal(errors.DEAD_VERSION) if number < errors.OLDEST_VERSION else None


def _token(call: Call) -> Refusal | None:
    token = call.token or ""
    if token.startswith("expired"):
        return Refusal(errors.OLD_TOKEN)
    if token.startswith("invalid") or len(token) < _SHORTEST_TOKEN:
        return Refusal(errors.BAD_TOKEN)
    proof = call.given.get("appsecret_proof")
    return None if proof is None or (isinstance(proof, str) and _PROOF(proof)) else Refusal(errors.BAD_PROOF)
