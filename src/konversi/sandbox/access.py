"""Who may do what: version, token, object (Meta, Graph API: versioning, access tokens, error handling)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from konversi.sandbox import errors
from konversi.sandbox.errors import Refusal

if TYPE_CHECKING:
    from konversi.sandbox.accounts import Account
    from konversi.sandbox.call import Call
    from konversi.sandbox.datasets import Dataset

_Owned = TypeVar("_Owned", "Dataset", "Account")

_VERSION = re.compile(r"v([0-9]{1,3})\.0").fullmatch
_PROOF = re.compile(r"[0-9a-f]{64}").fullmatch
_SHORTEST_TOKEN = 8


def admitted(call: Call) -> Refusal | None:
    """Why the call gets nowhere, whatever it asks for."""
    return _version(call) or _token(call)


def unknown(call: Call) -> Refusal:
    return Refusal(errors.UNKNOWN_NODE_GET if call.method == "GET" else errors.UNKNOWN_NODE_POST)


def opened(found: _Owned | None, call: Call) -> _Owned | Refusal:
    """What was found, where the call's token opens it."""
    return found if found is not None and found.token in {None, call.token} else unknown(call)


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
