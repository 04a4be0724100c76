"""The dataset of a WhatsApp Business Account, a Page or an Instagram account, made at Meta where there is none.

Each has one dataset, which Meta names; events about its chats are taken by that one only. Source: Meta, Conversions API
for business messaging: `POST` and `GET /{ACCOUNT_ID}/dataset`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.meta.answers import Kind, Verdict
from konversi.meta.graph import Credentials

if TYPE_CHECKING:
    from konversi.meta.graph import GraphClient

_ID = re.compile(r"[0-9]{5,20}")


class Found(NamedTuple):
    """The account's dataset, or Meta's verdict on why there is none."""

    dataset: str | None
    verdict: Verdict


async def dataset_of(graph: GraphClient, account: str, token: str, app_secret: str | None = None) -> Found:
    """Create or get the account's dataset. Never raises for what the network does.

    Asking again gives the same dataset. A token that may not create one can still see one that is there.
    """
    to = Credentials(account, token, app_secret)
    made, answer = await graph.ask("POST", f"/{account}/dataset", to)
    dataset = _id(answer)
    if made.verdict.kind is Kind.DELIVERED and dataset:
        return Found(dataset, made.verdict)
    if made.verdict.kind is Kind.NOT_SENT:
        return Found(None, made.verdict)
    seen, answer = await graph.ask("GET", f"/{account}/dataset", to, fields="id")
    dataset = _listed(answer)
    if seen.verdict.kind is Kind.DELIVERED and dataset:
        return Found(dataset, seen.verdict)
    return Found(None, made.verdict if made.verdict.kind is not Kind.DELIVERED else _says_nothing(made.verdict))


def _listed(answer: dict[str, Any]) -> str | None:
    listed = answer.get("data")
    return _id(listed[0]) if isinstance(listed, list) and listed and isinstance(listed[0], dict) else _id(answer)


def _id(answer: dict[str, Any]) -> str | None:
    dataset = str(answer.get("id", ""))
    return dataset if _ID.fullmatch(dataset) else None


def _says_nothing(verdict: Verdict) -> Verdict:
    reason = "Meta answered without the dataset's id. Look it up in Events Manager, and link it by its id."
    return verdict._replace(kind=Kind.UNCLEAR, reason=reason)
