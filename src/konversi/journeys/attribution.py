"""Which ad click a conversion is credited to, and what of its conversation Meta is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from konversi.events.faults import Note
from konversi.journeys.identity import account_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from konversi.journeys.arrival import ChatChannel

_DAY = 86_400
_META_DAYS = 7
_CLOCKS_APART = 300  # seconds by which a click may seem to come after the conversion
CHATS = frozenset({"whatsapp", "messenger", "instagram"})
_PERSONAL = {"messenger": "page_scoped_user_id", "instagram": "ig_sid"}


class Touch(NamedTuple):
    """One ad click, or post, that led into a conversation."""

    id: int
    at: int  # Unix seconds
    account: str
    line: str | None
    click_id: str | None
    ad_id: str | None


class Known(NamedTuple):
    """A conversation with the customer of a conversion."""

    journey: int
    channel: ChatChannel
    account: str
    line: str | None
    last_at: float
    user_data: Mapping[str, Any]
    touches: Sequence[Touch] = ()
    automatic: Sequence[str] = ()  # names of events that Meta itself saw in it


@dataclass(frozen=True, slots=True)
class Window:
    """How far back a click counts, and which of several."""

    days: int = 7
    model: Literal["last", "first"] = "last"


class Attribution(NamedTuple):
    """What a conversation adds to a conversion. Without one everything is empty."""

    journey: int | None = None
    touch: int | None = None
    channel: ChatChannel | None = None
    dataset: str | None = None
    user_data: Mapping[str, Any] = {}  # match keys to add
    notes: tuple[Note, ...] = ()
    no_click: Note | None = None  # why the conversion isn't tied to a click, where a chat could have been
    ad: str | None = None  # that opened the conversation


NOTHING = Attribution()
_NOTHING_NAMED: Mapping[str, Any] = MappingProxyType({})


def _nobodys(_line: str | None) -> str | None:
    return None


def attribute(
    known: Iterable[Known],
    *,
    channel: str | None,
    dataset: str | None,
    click_id: str | None,
    event_name: str,
    occurred: int,
    window: Window,
    dataset_of: Callable[[str, str | None, str | None], str | None],
    named: Mapping[str, Any] = _NOTHING_NAMED,
    account_of: Callable[[str | None], str | None] = _nobodys,
) -> Attribution:
    """Credit a conversion to one of its customer's conversations and to the click that opened it.

    `channel`, `dataset`, `click_id` and `named` (accounts, by match key) are what the conversion says itself, and
    narrow the choice. `dataset_of` gives the dataset of a channel's account and line, `account_of` whose a WhatsApp
    line is.
    """
    conversations = [one for one in known if channel not in CHATS or one.channel == channel]
    conversations = [one for one in conversations if _is_of(named, one)]
    if dataset is not None:
        conversations = [kept for one in conversations if (kept := _of_dataset(one, dataset, dataset_of)) is not None]
    if not conversations:
        return NOTHING
    chosen, touch = _winner(conversations, click_id, occurred, window)
    if channel is not None and channel not in CHATS:
        # Meta is told of what happened in the chat only.
        return Attribution(chosen.journey, touch.id if touch else None, ad=touch.ad_id if touch else None)
    account, line = (touch.account or chosen.account, touch.line) if touch else (chosen.account, chosen.line)
    account = account or account_of(line) or ""
    return Attribution(
        chosen.journey,
        touch.id if touch else None,
        chosen.channel,
        dataset_of(chosen.channel, account or None, line),
        _told(chosen, touch, account, click_id, occurred),
        _notes(chosen, touch, account, event_name, occurred),
        _no_click(chosen, touch, occurred, window),
        touch.ad_id if touch else None,
    )


def _of_dataset(
    one: Known, dataset: str, dataset_of: Callable[[str, str | None, str | None], str | None]
) -> Known | None:
    """The conversation with the clicks that belong to the dataset; nothing where it is another one's altogether."""
    fits = (None, dataset)
    touches = [
        touch
        for touch in one.touches
        if dataset_of(one.channel, touch.account or one.account or None, touch.line) in fits
    ]
    own = dataset_of(one.channel, one.account or None, one.line) in fits
    return one._replace(touches=touches) if touches or own else None


def _winner(
    conversations: Sequence[Known], click_id: str | None, occurred: int, window: Window
) -> tuple[Known, Touch | None]:
    """The conversation and its click: one that Meta knows by its id goes before one that it doesn't."""
    if click_id is not None:
        for one in conversations:
            for touch in one.touches:
                if touch.click_id == click_id:
                    return one, touch
        return _last(conversations), None  # a click that was never seen here is none of those that were
    sign = 1 if window.model == "last" else -1
    in_time = [
        (touch.click_id is not None, sign * touch.at, sign * touch.id, one, touch)
        for one in conversations
        for touch in one.touches
        if occurred - window.days * _DAY <= touch.at <= occurred + _CLOCKS_APART
    ]
    before = [entry for entry in in_time if entry[-1].at <= occurred]
    in_time = before or in_time  # one that seems to come after is only a matter of clocks where there is no other
    if in_time:
        *_, one, touch = max(in_time, key=lambda entry: entry[:3])
        return one, touch
    return _last(conversations), None


def _last(conversations: Sequence[Known]) -> Known:
    return max(conversations, key=lambda one: (one.last_at, one.journey))


def _is_of(named: Mapping[str, Any], one: Known) -> bool:
    """Whether the conversation is with the account that the conversion names, if it names one of this channel."""
    return all(named.get(key, account) == account for key, account in account_keys(one.channel, one.account).items())


def _told(chosen: Known, touch: Touch | None, account: str, click_id: str | None, occurred: int) -> dict[str, Any]:
    told = dict(chosen.user_data)
    if chosen.channel in _PERSONAL:
        return told | account_keys(chosen.channel, account)
    clicked = click_id or (touch.click_id if touch is not None and _is_metas(touch, occurred) else None)
    if clicked is not None:
        return told | account_keys(chosen.channel, account) | {"ctwa_clid": clicked}
    return told


def _is_metas(touch: Touch, occurred: int) -> bool:
    """Whether Meta still takes the click, however long it counts in our own reports."""
    return occurred - touch.at <= _META_DAYS * _DAY


def _notes(chosen: Known, touch: Touch | None, account: str, event_name: str, occurred: int) -> tuple[Note, ...]:
    notes = []
    if touch is not None:
        ad = f"ad {touch.ad_id}" if touch.ad_id else "an ad or a link"
        notes.append(Note("click", "click_known", f"The chat was opened by {ad} {_ago(occurred - touch.at)} before."))
        if touch.click_id and not account:
            notes.append(
                Note(
                    "click",
                    "account_unknown",
                    "Which WhatsApp Business Account this number belongs to was not told; Meta takes no click without "
                    "it: konversi datasets link-waba ACCOUNT --number NUMBER.",
                )
            )
    if event_name in chosen.automatic:
        notes.append(
            Note(
                "event",
                "meta_saw_it_too",
                f"Meta's automatic events reported {event_name} for this chat as well; switch them off in WhatsApp "
                "Manager, or Meta may count it twice.",
            )
        )
    return tuple(notes)


def _no_click(chosen: Known, touch: Touch | None, occurred: int, window: Window) -> Note | None:
    if chosen.channel != "whatsapp":
        return None
    if touch is not None and touch.click_id is None:
        return Note(
            "click",
            "ad_without_click_id",
            "WhatsApp gives no click id for this ad (an ad in Status): sent as chat, matched by identity.",
        )
    if touch is not None and not _is_metas(touch, occurred):
        return Note(
            "click",
            "click_too_old_for_meta",
            f"The ad click was {_ago(occurred - touch.at)} before, and Meta takes one for {_META_DAYS} days: sent as "
            "chat, matched by identity.",
        )
    earlier = [touch.at for touch in chosen.touches if touch.at <= occurred]
    if touch is None and earlier:
        return Note(
            "click",
            "click_too_old",
            f"The last ad click was {_ago(occurred - max(earlier))} before, and clicks count for "
            f"{_ago(window.days * _DAY)}: sent as chat, matched by identity.",
        )
    return None


def _ago(seconds: int) -> str:
    for size, word in ((_DAY, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {word}{'s' if number > 1 else ''}"
    return "less than a minute"
