"""Counts and digests: the same on both sides for the same rows, and others for others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, Date, Double, Integer, LargeBinary, MetaData, String, Table, Text

from konversi.database.digests import Digest, digest_of, digest_query
from konversi.database.postgres import driver_of, engine_of
from postgres import server

TABLE = Table(
    "digested",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(200)),
    Column("real", Double),
    Column("raw", LargeBinary),
    Column("yes", Boolean(create_constraint=False)),
    Column("more", Text),
)
TEXT = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**31), 2**31 - 1),
        TEXT,
        st.none() | st.floats(allow_nan=False),
        st.none() | st.binary(max_size=40),
        st.none() | st.integers(0, 1),
        TEXT,
    ),
    max_size=8,
    unique_by=lambda row: row[0],
)


@pytest.fixture(scope="module")
def driver():
    with server().empty_database() as url:
        engine = engine_of(url)
        with engine.connect() as connection:
            TABLE.create(connection)
            yield driver_of(connection)
        engine.dispose()


@settings(deadline=None, max_examples=100)
@given(rows=ROWS)
def test_python_and_the_server_agree_on_every_row(driver, rows):
    driver.execute("TRUNCATE digested")
    with driver.cursor().copy("COPY digested FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    (found,) = driver.execute(digest_query(TABLE)).fetchall()
    assert Digest(*map(int, found)) == digest_of(rows, TABLE)


ROW = (1, "a", 1.5, b"b", 1, None)


@pytest.mark.parametrize(
    "other", [(2, *ROW[1:]), (1, "b", *ROW[2:]), (1, None, *ROW[2:]), (*ROW[:2], 1.0, *ROW[3:]), (*ROW[:5], "")]
)
def test_another_value_anywhere_is_another_digest(other):
    assert digest_of([other], TABLE) != digest_of([ROW], TABLE)


def test_the_order_of_rows_does_not_matter_and_their_number_does():
    second = (2, *ROW[1:])
    assert digest_of([ROW, second], TABLE) == digest_of([second, ROW], TABLE)
    assert digest_of([ROW, ROW], TABLE) != digest_of([ROW], TABLE)


def test_what_moves_from_one_text_to_the_next_is_seen():
    assert digest_of([(1, "ab", None, None, None, "c")], TABLE) != digest_of([(1, "a", None, None, None, "bc")], TABLE)


def test_a_kind_of_column_that_nobody_has_thought_of_is_refused():
    table = Table("days", MetaData(), Column("day", Date))
    with pytest.raises(TypeError, match="day"):
        digest_of([], table)
    with pytest.raises(TypeError, match="day"):
        digest_query(table)
