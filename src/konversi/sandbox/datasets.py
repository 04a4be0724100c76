"""Which datasets exist, whose token opens them, and what is linked to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_ID = re.compile(r"[0-9]{5,20}").fullmatch
_DIGITS = re.compile(r"[0-9]+").fullmatch
_FORM = "ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID][:locale=id]"
_LINKS = frozenset({"waba", "page", "locale"})


class Dataset(NamedTuple):
    """A dataset. An `open` one was never declared: any token opens it, and any WhatsApp account is linked to it."""

    id: str
    token: str | None = None
    waba: str | None = None  # the WhatsApp Business Account linked to it
    page: str | None = None  # the Facebook Page linked to it
    locale: str | None = None  # the language of the token's owner, which errors are written in: `en` or `id`
    open: bool = False

    def links_waba(self, waba: str) -> bool:
        return bool(_DIGITS(waba)) if self.open else waba == self.waba

    def links_page(self, page: str) -> bool:
        return bool(_DIGITS(page)) if self.open else page == self.page

    def __repr__(self) -> str:
        return f"Dataset(id={self.id!r}, waba={self.waba!r}, page={self.page!r})"


class Datasets:
    """All of them. Until one is declared, every id of 5 to 20 digits is a dataset."""

    def __init__(self, declared: Iterable[Dataset] = ()) -> None:
        self._declared = {dataset.id: dataset for dataset in declared}

    def find(self, dataset_id: str) -> Dataset | None:
        if self._declared:
            return self._declared.get(dataset_id)
        return Dataset(dataset_id, open=True) if _ID(dataset_id) else None

    def declare(self, dataset: Dataset) -> None:
        self._declared[dataset.id] = dataset

    def forget(self) -> None:
        self._declared.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Without their tokens."""
        return [
            {"id": each.id, "waba": each.waba, "page": each.page, "locale": each.locale}
            for each in self._declared.values()
        ]


def dataset(text: str) -> Dataset:
    """Read `ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID][:locale=id]`.

    Raises:
        ValueError: the text has another form. It isn't repeated in the message, as it may hold a token.

    """
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
    if not _ID(dataset_id):
        raise ValueError(f"a dataset's id has 5 to 20 digits: write {_FORM}")
    return Dataset(dataset_id, token, links.get("waba"), links.get("page"), links.get("locale"))
