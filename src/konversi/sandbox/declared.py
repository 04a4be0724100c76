"""Datasets and accounts as people declare them: in a command line, or in a test."""

from __future__ import annotations

from konversi.sandbox.accounts import IS_ID, KINDS, Account, Kind
from konversi.sandbox.datasets import Dataset

_FORM = "ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID][:instagram=ACCOUNT_ID][:locale=id]"
_ACCOUNT_FORM = "waba=ID[:TOKEN], page=ID[:TOKEN] or instagram=ID[:TOKEN]"
_LINKS = frozenset({*KINDS, "locale"})


def declared(text: str) -> Dataset | Account:
    """Read a dataset, or an account that has none yet.

    A dataset is `ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID][:instagram=ACCOUNT_ID][:locale=id]`, an account
    `waba=ID[:TOKEN]`, `page=ID[:TOKEN]` or `instagram=ID[:TOKEN]`.

    Raises:
        ValueError: the text has another form. It isn't repeated in the message, as it may hold a token.

    """
    for kind in KINDS:
        if text.startswith(f"{kind}="):
            return _account(kind, text.removeprefix(f"{kind}="))
    return _dataset(text)


def _account(kind: Kind, text: str) -> Account:
    account_id, colon, token = text.partition(":")
    if not IS_ID(account_id):
        raise ValueError(f"an account's id has 5 to 20 digits: write {_ACCOUNT_FORM}")
    if bool(colon) != bool(token) or ":" in token:
        raise ValueError(f"write an account without a dataset as {_ACCOUNT_FORM}")
    return Account(account_id, (kind,), token or None)


def _dataset(text: str) -> Dataset:
    dataset_id, *parts = text.split(":")
    token = None
    links: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if equals and value and key in _LINKS:
            links[key] = value
        elif token is None and part and key not in _LINKS:
            token = part
        else:
            raise ValueError(f"write a dataset as {_FORM}")
    if not IS_ID(dataset_id):
        raise ValueError(f"a dataset's id has 5 to 20 digits: write {_FORM}")
    return Dataset(dataset_id, token, links.get("waba"), links.get("page"), links.get("locale"), links.get("instagram"))
