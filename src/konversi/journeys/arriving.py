"""Messages arrive: what is known of all of them is read, thought about in memory (`book`), and written, each at once.

In words that both dialects understand, spoken to the driver directly. `+ 0` keeps SQLite from walking along all
conversations for their order's sake.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from konversi.database.many_rows import lists, run
from konversi.journeys.book import Book, Clicks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from konversi.database.port import Database, Driver
    from konversi.journeys.book import Conversation
    from konversi.journeys.port import Visit

_AT_ONCE = 900  # values of a list

_MET = "SELECT key FROM messages WHERE key {}"
_PEOPLE = (
    "SELECT k.key, j.id, j.channel, j.account, j.user_data"
    " FROM journey_keys k JOIN journeys j ON j.id = k.journey WHERE k.key {} ORDER BY j.id + 0"
)
# Two batches can reach one conversation by different keys, and another process may be about to forget it.
_HELD = " FOR NO KEY UPDATE OF j"  # who only adds what an agent did there needs not wait
_CLICKED = "SELECT journey, click_id FROM touches WHERE journey IN ({})"
_OPEN = "INSERT INTO journeys (id, channel, account, line, opened_at, last_at, messages, tail, user_data) VALUES "
_VISIT = "WITH seen (journey, number, earliest, latest, spoken_to) AS (VALUES "
_VISIT_ROW = "(CAST(? AS BIGINT),CAST(? AS INTEGER),CAST(? AS BIGINT),CAST(? AS BIGINT),CAST(? AS VARCHAR(60)))"
_VISITED = (
    ") UPDATE journeys SET messages = messages + seen.number,"
    " line = CASE WHEN seen.latest >= last_at THEN seen.spoken_to ELSE line END,"
    " last_at = CASE WHEN seen.latest > last_at THEN seen.latest ELSE last_at END,"
    " opened_at = CASE WHEN seen.earliest < opened_at THEN seen.earliest ELSE opened_at END"
    " FROM seen WHERE journeys.id = seen.journey"
)
_TOUCH = (
    "INSERT INTO touches (journey, at, account, line, click_id, ad_id, source_type, source_url, headline, ref) VALUES "
)
_DROP_TOUCHES = (  # the oldest ones after the first
    "DELETE FROM touches WHERE id IN (SELECT id FROM touches WHERE journey = ? ORDER BY at, id LIMIT ? OFFSET 1)"
)


def arrive(database: Database, driver: Driver, visits: Sequence[Visit], now: float) -> list[bool]:
    """Keep messages, each once. Returns which of them were new."""
    met = {key for (key,) in _rows(database, driver, _MET, [visit.message for visit in visits])}
    new = []
    for visit in visits:
        new.append(visit.message not in met)
        met.add(visit.message)
    fresh = [visit for visit, is_new in zip(visits, new, strict=True) if is_new]
    if not fresh:
        return new
    keys = list(dict.fromkeys(chain.from_iterable((*visit.own, *visit.phones) for visit in fresh)))
    book = Book.of(_rows(database, driver, _PEOPLE + _HELD if database.shared else _PEOPLE, keys))
    taken = [(book.take(visit), visit) for visit in fresh]
    clicks = _clicks(driver, taken)
    for conversation, visit in taken:
        if clicks.take(conversation, visit) and visit.click:
            book.name(conversation, [visit.click])
    _write(database, driver, book, clicks)
    messages = [value for conversation, visit in taken for value in (visit.message, now, conversation.id)]
    run(driver, "INSERT INTO messages (key, at, journey) VALUES ", "(?,?,?)", "", messages)
    return new


def _rows(database: Database, driver: Driver, asked: str, keys: Sequence[bytes]) -> Iterator[Any]:
    for start in range(0, len(keys), _AT_ONCE):
        condition, values = database.among(keys[start : start + _AT_ONCE])
        yield from driver.execute(asked.format(condition), values).fetchall()


def _clicks(driver: Driver, taken: Sequence[tuple[Conversation, Visit]]) -> Clicks:
    clicked = dict.fromkeys(one for one, visit in taken if visit.referral is not None and one.id is not None)
    rows: list[Any] = []
    for places, some in lists([one.id for one in clicked]):
        rows += driver.execute(_CLICKED.format(places), some).fetchall()
    return Clicks.of(clicked, rows)


def _write(database: Database, driver: Driver, book: Book, clicks: Clicks) -> None:
    before = [one for one in book.heard if one.id is not None]
    for conversation, id_ in zip(book.opened, database.ids(driver, "journeys", len(book.opened)), strict=True):
        conversation.id = id_
    run(driver, _OPEN, "(?,?,?,?,?,?,?,?,?)", "", _each(book.opened, _as_opened))
    run(driver, _VISIT, _VISIT_ROW, _VISITED, _each(before, _as_visited))
    for key, conversation in book.unnamed:
        driver.execute("DELETE FROM journey_keys WHERE key = ? AND journey = ?", (key, conversation.id))
    for conversation in dict.fromkeys([*before, *(one for _, one in book.unnamed)]):
        if conversation.described_anew:
            said = _json(conversation)
            driver.execute("UPDATE journeys SET user_data = ? WHERE id = ?", (said, conversation.id))
    named = [value for key, conversation in book.named for value in (key, conversation.id)]
    run(driver, "INSERT INTO journey_keys (key, journey) VALUES ", "(?,?)", " ON CONFLICT DO NOTHING", named)
    run(driver, _TOUCH, "(?,?,?,?,?,?,?,?,?,?)", "", [value for one in clicks.new for value in _as_touch(*one)])
    for conversation, more in clicks.too_many():
        driver.execute(_DROP_TOUCHES, (conversation.id, more))
    stirred = dict.fromkeys([*book.opened, *(conversation for conversation, _ in clicks.new)])
    # Their standings are looked at again.
    run(driver, "INSERT INTO stirred (journey) VALUES ", "(?)", "", [one.id for one in stirred])


def _each(conversations: Sequence[Conversation], row: Callable[[Conversation], Sequence[Any]]) -> list[Any]:
    return [value for one in conversations for value in row(one)]


def _as_opened(one: Conversation) -> Sequence[Any]:
    return (one.id, one.channel, one.account, one.line, one.earliest, one.latest, one.messages, one.tail, _json(one))


def _as_visited(one: Conversation) -> Sequence[Any]:
    return (one.id, one.messages, one.earliest, one.latest, one.line)


def _as_touch(conversation: Conversation, visit: Visit) -> Sequence[Any]:
    click = visit.referral
    assert click is not None
    told = (click.click_id, click.ad_id, click.source_type, click.source_url, click.headline, click.ref)
    return (conversation.id, visit.at, visit.account, visit.line, *told)


def _json(conversation: Conversation) -> str:
    return orjson.dumps(conversation.user_data).decode()
