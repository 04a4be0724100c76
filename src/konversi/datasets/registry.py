"""The datasets as they stand: which there are, and whose chats belong to which. Pure, and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from collections.abc import Mapping

OnInDoubt = Literal["resend", "hold"]


class Dataset(NamedTuple):
    """A dataset that was added. Prints nothing of its secrets."""

    id: str  # Meta's own: digits
    name: str
    token: str | None  # nothing where it can't be decrypted any more
    app_secret: str | None
    on_in_doubt: OnInDoubt | None  # the setting's where unset
    added_at: float  # Unix seconds
    checked_at: float | None = None  # Unix seconds
    fault: str | None = None  # plain words: what the last check found, or why there is no token

    def __repr__(self) -> str:
        return f"Dataset(id={self.id!r}, name={self.name!r}, fault={self.fault!r})"


class TokenExpiry(NamedTuple):
    """When a token expires, as Meta said. Unix seconds."""

    at: float | None  # nothing: it does not expire
    seen_at: float


class Account(NamedTuple):
    """Whose chats belong to a dataset: a WhatsApp Business Account, a Page or an Instagram account."""

    channel: str
    account: str


def _nothing() -> Mapping[str, Dataset]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Registry:
    """All datasets, accounts and lines at one moment.

    A dataset has a name inside Konversi, which events are stored under: its id, or `default` for that of META_PIXEL_ID.
    """

    default_id: str | None = None  # META_PIXEL_ID
    datasets: Mapping[str, Dataset] = field(default_factory=_nothing)  # by Meta's id
    accounts: Mapping[Account, str] = field(default_factory=lambda: MappingProxyType({}))  # to Meta's id of the dataset
    lines: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # phone number to WhatsApp account
    expiries: Mapping[str, TokenExpiry] = field(default_factory=lambda: MappingProxyType({}))  # by Meta's id

    @property
    def links_accounts(self) -> bool:
        """Whether a chat can decide about the dataset at all."""
        return bool(self.accounts)

    def portable(self) -> Registry:
        """The same for another process, without secrets."""
        bare = {id_: one._replace(token=None, app_secret=None) for id_, one in self.datasets.items()}
        return Registry(self.default_id, bare, dict(self.accounts), dict(self.lines), {})

    def knows(self, dataset_id: str) -> bool:
        """Whether events can be given to this dataset."""
        return self.resolve(dataset_id) is not None

    def resolve(self, given: str | None) -> str | None:
        """The name of the dataset that a caller means, `default` where none is given; `None` for an unknown one."""
        if given is None or given in (DEFAULT_DATASET, self.default_id):
            return DEFAULT_DATASET
        return given if given in self.datasets else None

    def find(self, name: str) -> Dataset | None:
        """What was added for a dataset, by its name inside Konversi; nothing where only the settings know it."""
        dataset_id = self.default_id if name == DEFAULT_DATASET else name
        return self.datasets.get(dataset_id) if dataset_id is not None else None

    def name_of(self, dataset_id: str) -> str:
        """The name inside Konversi of one of Meta's ids."""
        return DEFAULT_DATASET if dataset_id == self.default_id else dataset_id

    def account_of(self, line: str | None) -> str | None:
        """The WhatsApp Business Account that a number belongs to, where it was told."""
        return self.lines.get(line) if line is not None else None

    def dataset_of(self, channel: str, account: str | None, line: str | None = None) -> str | None:
        """The name of the dataset that a chat's events belong to, or `None` where its account isn't linked to any."""
        owner = account or self.account_of(line)
        dataset_id = self.accounts.get(Account(channel, owner)) if owner else None
        return None if dataset_id is None else self.name_of(dataset_id)
