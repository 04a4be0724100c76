"""Accounts that chat: WhatsApp Business Accounts, Pages, Instagram accounts. Each has one dataset, or none yet."""

from __future__ import annotations

import hashlib
import re
from typing import Literal, NamedTuple

Kind = Literal["waba", "page", "instagram"]
KINDS: tuple[Kind, ...] = ("waba", "page", "instagram")

IS_ID = re.compile(r"[0-9]{5,20}").fullmatch
_INSTAGRAM = "17841"  # what the ids of Instagram's professional accounts begin with
_DATASETS = 10**14


class Account(NamedTuple):
    """An account. One that was never declared may be of several kinds: nobody said which."""

    id: str
    kinds: tuple[Kind, ...]
    token: str | None = None  # the one that opens it; None: any

    def __repr__(self) -> str:
        return f"Account(id={self.id!r}, kinds={self.kinds!r})"


def undeclared(account_id: str) -> Account:
    """An account as its id tells it."""
    return Account(account_id, ("instagram",) if account_id.startswith(_INSTAGRAM) else ("waba", "page"))


def dataset_id(account_id: str) -> str:
    """The id of the dataset that is made for an account: always the same, 15 digits."""
    digest = hashlib.sha256(f"dataset of {account_id}".encode()).digest()
    return f"9{int.from_bytes(digest) % _DATASETS:014}"
