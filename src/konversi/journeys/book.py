"""The conversations that a batch of messages touches, and what it changes in them. Pure.

Messages are taken one after the other, as if each were kept before the next is looked at; what comes of all of them is
written afterwards, at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson

from konversi.journeys.identity import merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.journeys.port import Visit

_AFTER_ALL = 2**63
_place = attrgetter("place")
MOST_TOUCHES = 50  # of one conversation; the first and the last ones are kept


@dataclass(slots=True, eq=False)
class Conversation:
    """One of them. `messages` are those of the batch, and so are the times where it is not new."""

    id: int | None  # none yet: it is new
    channel: str
    account: str
    user_data: Mapping[str, Any]
    tail: str = ""
    place: int = 0  # in the order in which conversations began
    messages: int = 0
    line: str | None = None
    earliest: int = 0  # Unix seconds
    latest: int = 0
    described_anew: bool = False

    def hear(self, at: int, line: str | None) -> None:
        """A message came, which may be older than the ones before it."""
        if self.messages == 0:
            self.earliest = self.latest = at
        if at >= self.latest:
            self.latest, self.line = at, line
        self.earliest = min(self.earliest, at)
        self.messages += 1

    def describe(self, user_data: Mapping[str, Any]) -> None:
        """What is known of the person is this from now on."""
        self.user_data, self.described_anew = user_data, True


@dataclass(slots=True)
class Book:
    """All of them, found by the keys of the people they are with."""

    _by_key: dict[bytes, list[Conversation]] = field(default_factory=dict)  # the oldest first
    heard: dict[Conversation, None] = field(default_factory=dict)  # those that messages came in
    opened: list[Conversation] = field(default_factory=list)  # by these messages
    named: dict[tuple[bytes, Conversation], None] = field(default_factory=dict)  # keys that are to find them
    unnamed: dict[tuple[bytes, Conversation], None] = field(default_factory=dict)  # and those that no longer do

    @classmethod
    def of(cls, rows: Iterable[tuple[bytes, int, str, str, str]]) -> Book:
        """From keys with the conversations they find (id, channel, account, user_data as JSON), the oldest first."""
        book = cls()
        known: dict[int, Conversation] = {}
        for key, id_, channel, account, user_data in rows:
            if id_ not in known:
                known[id_] = Conversation(id_, channel, account, orjson.loads(user_data), place=id_)
            book._by_key.setdefault(key, []).append(known[id_])
        return book

    def take(self, visit: Visit) -> Conversation:
        """The conversation that a message belongs to. A person's own id says more than a phone, which changes hands."""
        found = self._found(visit, visit.own)
        if found is None:
            found = self._found(visit, visit.phones)
            if found is not None and _is_another_person(found.user_data, visit):
                self._take_away_phone(found, visit)
                found = None
        if found is None:
            found = self._open(visit)
        else:
            together = merged(found.user_data, visit.user_data)
            told_more = together != found.user_data
            if told_more:
                found.describe(together)
            if told_more or visit.linked:
                self.name(found, (*visit.own, *visit.phones))
        found.hear(visit.at, visit.line)
        self.heard[found] = None
        return found

    def name(self, conversation: Conversation, keys: Iterable[bytes]) -> None:
        """Let the keys find the conversation."""
        for key in keys:
            entered = self._by_key.setdefault(key, [])
            if conversation not in entered:
                entered.append(conversation)
                self.named[key, conversation] = None
                self.unnamed.pop((key, conversation), None)

    def _found(self, visit: Visit, keys: Sequence[bytes]) -> Conversation | None:
        alike = [
            one
            for key in keys
            for one in self._by_key.get(key, ())
            if one.channel == visit.channel and one.account == visit.account
        ]
        return min(alike, key=_place, default=None)

    def _take_away_phone(self, found: Conversation, visit: Visit) -> None:
        """Another person has the number now."""
        for key in visit.phones:
            entered = self._by_key.get(key, [])
            if found in entered:
                entered.remove(found)
                self.unnamed[key, found] = None
                self.named.pop((key, found), None)
        phones = visit.user_data.get("ph", ())
        known = found.user_data
        left = {name: [one for one in known.get(name, ()) if one not in phones] for name in ("ph", "external_id")}
        found.describe({name: value for name, value in {**known, **left}.items() if value})

    def _open(self, visit: Visit) -> Conversation:
        place = _AFTER_ALL + len(self.opened)
        conversation = Conversation(None, visit.channel, visit.account, visit.user_data, visit.tail, place)
        self.opened.append(conversation)
        self.name(conversation, (*visit.own, *visit.phones))
        return conversation


def _is_another_person(known: Mapping[str, Any], visit: Visit) -> bool:
    theirs, ours = _own_ids(known), _own_ids(visit.user_data)
    return bool(theirs and ours) and theirs.isdisjoint(ours)


def _own_ids(user_data: Mapping[str, Any]) -> set[str]:
    """Of the person, not of the phone, which stands in where no id was told."""
    return set(user_data.get("external_id", ())).difference(user_data.get("ph", ()))


@dataclass(slots=True)
class Clicks:
    """The ad clicks of the conversations in which a batch brings some: each is kept once, as it first came."""

    _known: dict[Conversation, set[str]]
    _numbers: dict[Conversation, int]
    new: list[tuple[Conversation, Visit]] = field(default_factory=list)

    @classmethod
    def of(cls, conversations: Iterable[Conversation], rows: Iterable[tuple[int, str | None]]) -> Clicks:
        """From the clicks that there are: conversation and click id."""
        by_id = {one.id: one for one in conversations}
        known: dict[Conversation, set[str]] = {one: set() for one in by_id.values()}
        numbers = dict.fromkeys(known, 0)
        for journey, click_id in rows:
            numbers[by_id[journey]] += 1
            if click_id is not None:
                known[by_id[journey]].add(click_id)
        return cls(known, numbers)

    def take(self, conversation: Conversation, visit: Visit) -> bool:
        """Whether the message's click is new there."""
        click_id = visit.referral.click_id if visit.referral else None
        known = self._known.setdefault(conversation, set())
        if visit.referral is None or click_id in known:
            return False
        if click_id is not None:
            known.add(click_id)
        self._numbers[conversation] = self._numbers.get(conversation, 0) + 1
        self.new.append((conversation, visit))
        return True

    def too_many(self) -> Iterable[tuple[Conversation, int]]:
        """Conversations with more clicks than are kept, and how many more."""
        for conversation in {one: None for one, _ in self.new}:
            if self._numbers[conversation] > MOST_TOUCHES:
                yield conversation, self._numbers[conversation] - MOST_TOUCHES
