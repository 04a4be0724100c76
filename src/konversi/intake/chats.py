"""Which chats a conversion belongs to, of those that its keys find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from konversi.journeys.identity import is_same_person
from konversi.journeys.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.journeys.attribution import Known
    from konversi.journeys.customers import First


class Conversations(Protocol):
    """What is known of customers from their chats."""

    @property
    def keyring(self) -> Keyring:
        """Under which keys they are found."""
        ...

    async def known(self, keys: Sequence[bytes]) -> dict[bytes, list[Known]]:
        """The conversations that each key finds."""
        ...

    async def remembered(self, keys: Sequence[str]) -> dict[str, First]:
        """The first booking or purchase under each key that finds one."""
        ...


class _NoChats:
    """Nobody's chats."""

    keyring = Keyring()

    async def known(self, keys: Sequence[bytes]) -> dict[bytes, list[Known]]:  # noqa: ARG002 - as `Conversations` has it
        return {}

    async def remembered(self, keys: Sequence[str]) -> dict[str, First]:  # noqa: ARG002
        return {}


NO_CHATS: Conversations = _NoChats()


def of_customer(keys: Sequence[bytes], known: Mapping[bytes, list[Known]], *, has_click: bool) -> Iterable[Known]:
    """The customer's. With a click its key is the last one.

    A chat that only the click leads to says nothing of a person whom the conversion names itself.
    """
    by_click = keys[-1:] if has_click and len(keys) > 1 else ()
    found = {one.journey: one._replace(user_data={}) for key in by_click for one in known.get(key, ())}
    found |= {one.journey: one for key in keys if key not in by_click for one in known.get(key, ())}
    return found.values()


def of_one_person(found: Sequence[Known]) -> Sequence[Known]:
    """All of them, or none where they are with several people: then the bot gives several chats one name."""
    first, *others = found or (None,)
    return found if first and all(is_same_person(first.user_data, other.user_data) for other in others) else ()
