"""Which datasets exist, whose token opens them, and what is linked to them."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.sandbox.accounts import IS_ID, KINDS, Account, dataset_id, undeclared
from konversi.sandbox.ads import NODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DIGITS = re.compile(r"[0-9]+").fullmatch
_MOST_MADE = 10_000


class Dataset(NamedTuple):
    """A dataset. An `open` one was never declared: any token opens it, and any account of digits is linked to it."""

    id: str
    token: str | None = None
    waba: str | None = None  # the WhatsApp Business Account linked to it
    page: str | None = None  # the Facebook Page linked to it
    locale: str | None = None  # the language of the token's owner, which errors are written in: `en` or `id`
    instagram: str | None = None  # the Instagram account linked to it
    name: str | None = None
    open: bool = False

    def links_waba(self, waba: str) -> bool:
        return self._links(waba, self.waba)

    def links_page(self, page: str) -> bool:
        return self._links(page, self.page)

    def links_instagram(self, account: str) -> bool:
        return self._links(account, self.instagram)

    def _links(self, asked: str, linked: str | None) -> bool:
        return bool(_DIGITS(asked)) if self.open else asked == linked

    def __repr__(self) -> str:
        return f"Dataset(id={self.id!r}, waba={self.waba!r}, page={self.page!r}, instagram={self.instagram!r})"


class Datasets:
    """All of them. Until something is declared, every id of 5 to 20 digits is a dataset, or an account without one."""

    def __init__(self, declared: Iterable[Dataset | Account] = ()) -> None:
        self._declared: dict[str, Dataset] = {}
        self._accounts: dict[str, Account] = {}
        self._made: dict[str, Dataset] = {}  # by their account's id
        self._made_ids: dict[str, str] = {}  # their account's id, by their own
        for one in declared:
            self.declare(one)

    @property
    def open(self) -> bool:
        return not self._declared and not self._accounts

    def find(self, wanted: str) -> Dataset | None:
        account = self._made_ids.get(wanted)
        if account is not None:
            return self._made[account]
        if not self.open:
            return self._declared.get(wanted)
        return Dataset(wanted, open=True) if IS_ID(wanted) and not self._is_else(wanted) else None

    def account(self, wanted: str) -> Account | None:
        """An account: declared, or with a dataset, or any other id while nothing is declared."""
        known = self._accounts.get(wanted)
        if known is not None:
            return known
        if self.open:
            is_dataset = wanted in self._made_ids or wanted in NODES
            return undeclared(wanted) if IS_ID(wanted) and not is_dataset else None
        owned = self.of_account(wanted)
        return owned and Account(wanted, (), owned.token)

    def of_account(self, account: str) -> Dataset | None:
        """The dataset of an account, where it has one."""
        return next(self._linked_to(account), None) or self._made.get(account)

    def make(self, account: Account, name: str | None) -> Dataset | None:
        """The account's dataset, made where it has none. `None`: there are too many."""
        found = self.of_account(account.id)
        if found is not None or len(self._made) >= _MOST_MADE:
            return found
        waba, page, instagram = (account.id if kind in account.kinds else None for kind in KINDS)
        made = Dataset(dataset_id(account.id), account.token, waba, page, instagram=instagram, name=name)
        self._made[account.id] = made
        self._made_ids[made.id] = account.id
        return made

    def declare(self, one: Dataset | Account) -> None:
        if isinstance(one, Account):
            self._accounts[one.id] = one
        else:
            self._declared[one.id] = one

    def forget(self) -> None:
        for kept in (self._declared, self._accounts, self._made, self._made_ids):
            kept.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Without their tokens."""
        return [
            {"id": each.id, "waba": each.waba, "page": each.page, "locale": each.locale}
            | ({"instagram": each.instagram} if each.instagram else {})
            for each in chain(self._declared.values(), self._made.values())
        ]

    def accounts(self) -> list[dict[str, str | None]]:
        """The declared ones, and those whose dataset was made: `{"id", "dataset"}`."""
        known = dict.fromkeys(chain(self._accounts, self._made))
        return [{"id": each, "dataset": found.id if (found := self.of_account(each)) else None} for each in known]

    def _linked_to(self, account: str) -> Iterator[Dataset]:
        return (each for each in self._declared.values() if account in (each.waba, each.page, each.instagram))

    def _is_else(self, wanted: str) -> bool:
        return wanted in self._made or wanted in NODES
