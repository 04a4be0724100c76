"""Which datasets exist, whose token opens them, and what is linked to them."""

from __future__ import annotations

import re
from typing import NamedTuple

_ID = re.compile(r"[0-9]{5,20}").fullmatch


class Dataset(NamedTuple):
    """A dataset. An `open` one was never declared: any token opens it, and any WhatsApp account is linked to it."""

    id: str
    token: str | None = None
    waba: str | None = None  # the WhatsApp Business Account linked to it
    page: str | None = None  # the Facebook Page linked to it
    open: bool = False

    def links_waba(self, waba: str) -> bool:
        return waba.isdigit() if self.open else waba == self.waba

    def links_page(self, page: str) -> bool:
        return page.isdigit() if self.open else page == self.page

    def __repr__(self) -> str:
        return f"Dataset(id={self.id!r}, waba={self.waba!r}, page={self.page!r})"


class Datasets:
    """All of them. Until one is declared, every id of 5 to 20 digits is a dataset."""

    def __init__(self, declared: tuple[Dataset, ...] = ()) -> None:
        self._declared = {dataset.id: dataset for dataset in declared}

    def find(self, dataset_id: str) -> Dataset | None:
        if self._declared:
            return self._declared.get(dataset_id)
        return Dataset(dataset_id, open=True) if _ID(dataset_id) else None

    def declare(self, dataset: Dataset) -> None:
        self._declared[dataset.id] = dataset

    def all(self) -> list[Dataset]:
        return list(self._declared.values())

    def forget(self) -> None:
        self._declared.clear()


def dataset(text: str) -> Dataset:
    """Read `ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID]`.

    Raises:
        ValueError: the text has another form. It isn't repeated in the message, as it may hold a token.

    """
    dataset_id, *parts = text.split(":")
    found = Dataset(dataset_id)
    for part in parts:
        key, equals, value = part.partition("=")
        if equals and key in {"waba", "page"}:
            found = found._replace(**{key: value})
        elif found.token is None and part:
            found = found._replace(token=part)
        else:
            raise ValueError(f"dataset {dataset_id}: write ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID]")
    if not _ID(dataset_id):
        raise ValueError("a dataset's id has 5 to 20 digits: write ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID]")
    return found
