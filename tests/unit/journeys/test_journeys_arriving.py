"""However messages are gathered, what is kept of them is the same as if each had come alone."""

import sqlite3
from contextlib import closing
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from konversi.database.sqlite_database import SqliteDatabase
from konversi.journeys.arrival import Referral
from konversi.journeys.arriving import arrive
from konversi.journeys.port import Visit
from konversi.journeys.tables import journeys

PHONES = st.sampled_from(["p1", "p2", "p3"])
OWN = st.sampled_from(["o1", "o2", "o3"])
CLICKS = st.sampled_from([None, "c1", "c2"])


class Here:
    """What a batch asks of its database."""

    shared, among, ids = SqliteDatabase.shared, SqliteDatabase.among, SqliteDatabase.ids


def _key(text):
    return text.encode().ljust(16, b".")


@st.composite
def visits(draw):
    phone, own = draw(st.none() | PHONES), draw(st.none() | OWN)
    if phone is None and own is None:
        phone = "p1"
    click = draw(CLICKS)
    # A phone stands in for an id that was not told, as `match` writes it.
    user_data = ({"ph": [phone]} if phone else {}) | {"external_id": [own or phone]}
    return Visit(
        message=_key(draw(st.sampled_from([f"m{n}" for n in range(12)]))),
        own=[_key(own)] if own else [],
        phones=[_key(phone)] if phone else [],
        channel="whatsapp",
        account=draw(st.sampled_from(["a", "b"])),
        line=draw(st.sampled_from([None, "l1", "l2"])),
        at=draw(st.integers(1, 5)),
        tail="…1",
        user_data=user_data,
        referral=Referral(click, "ad", "ad") if click or draw(st.booleans()) else None,
        click=_key(click) if click else None,
        linked=draw(st.booleans()),
    )


@cache
def _tables():
    """The statements that make them: finding them takes as long as all that is looked at."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        journeys.metadata.create_all(create_engine("sqlite://", creator=lambda: connection))
        return "\n".join(connection.iterdump())


def _kept(batches):
    """All that is kept when the messages come in these batches, and which were new."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(_tables())
        new = [is_new for batch in batches for is_new in arrive(Here(), connection, batch, 9.0)]
        asked = (
            "SELECT * FROM journeys ORDER BY id",
            "SELECT * FROM journey_keys ORDER BY key, journey",
            "SELECT journey, at, account, line, click_id, ad_id FROM touches ORDER BY id",
            "SELECT * FROM messages ORDER BY key",
            "SELECT DISTINCT journey FROM stirred ORDER BY journey",
        )
        return new, [connection.execute(one).fetchall() for one in asked]


@settings(max_examples=300, deadline=None)
@given(st.lists(visits(), max_size=12), st.data())
def test_a_batch_is_kept_as_its_messages_one_after_the_other(messages, data):
    cut = data.draw(st.integers(0, len(messages)))
    alone = _kept([[one] for one in messages])
    assert _kept([messages]) == alone
    assert _kept([messages[:cut], messages[cut:]]) == alone


def _said(number, *, own=None, phone=None, account="a"):
    """A message of somebody."""
    user_data = ({"ph": [phone]} if phone else {}) | {"external_id": [own or phone]}
    keys = [_key(own)] if own else [], [_key(phone)] if phone else []
    return Visit(_key(f"m{number}"), *keys, "whatsapp", account, None, number, "…1", user_data, None)


def test_a_number_that_came_back_still_finds_its_owner_when_another_changes_hands_in_the_same_batch():
    batch = [
        _said(1, own="o1", phone="p1"),
        _said(2, own="o2", phone="p1"),  # somebody else's now
        _said(3, own="o1", phone="p1"),  # and back
        _said(4, own="o3", phone="p2"),
        _said(5, own="o4", phone="p2"),
    ]
    _, kept = _kept([batch])
    assert (_key("p1"), 1) in kept[1]
    assert kept == _kept([[one] for one in batch])[1]


def test_a_sixth_number_of_one_person_finds_nobody_in_whatever_batch_it_comes():
    batch = [_said(number, own="o1", phone=f"p{number}") for number in range(7)]
    _, kept = _kept([batch])
    assert [key for key, _ in kept[1]] == sorted(map(_key, ("o1", "p0", "p1", "p2", "p3", "p4")))
    assert kept == _kept([[one] for one in batch])[1]


def test_of_very_many_clicks_in_one_batch_the_first_and_the_last_ones_stay():
    def clicked(number):
        return Visit(
            _key(f"m{number}"), [], [_key("p")], "whatsapp", "a", None, number, "…1", {"ph": ["p"]},
            Referral(f"c{number}", "ad", "ad"), _key(f"c{number}"),
        )  # fmt: skip

    _, (_, _, touches, *_) = _kept([[clicked(number) for number in range(60)]])
    assert [row[1] for row in touches] == [0, *range(11, 60)]
