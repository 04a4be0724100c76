"""Under which keys people are found again, as far as there is anybody to find. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from konversi.journeys.customers import customer_keys
from konversi.journeys.identity import keyed, keys_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Keyring:
    """Makes the keys at one moment: none where nothing would be found under them.

    `secret` is the installation's. `chats` says whether there are conversations, `customers` whether customers are
    remembered by their bookings and purchases.
    """

    secret: bytes = field(default=b"", repr=False)
    chats: bool = False
    customers: bool = False

    def of_chats(self, user_data: Mapping[str, Any]) -> Sequence[bytes]:
        """Under which the conversations of a customer with these match keys are found."""
        return keys_of(user_data, self.secret) if self.chats else ()

    def called(self, conversation: str) -> Sequence[bytes]:
        """Under which a conversation is found that the bot calls so."""
        return [keyed("conversation", conversation, self.secret)] if self.chats else ()

    def of_customer(self, user_data: Mapping[str, Any]) -> Sequence[str]:
        """Under which a customer with these match keys is remembered, those that say most first."""
        return customer_keys(user_data, self.secret) if self.customers else ()
