"""Columns of values arrive at PostgreSQL as they were: whatever is in them, and however many there are."""

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konversi.database.postgres_arrays import blobs, encoded, longs, texts
from postgres import server

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
LONGS = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture(scope="module")
def connection():
    with server().database() as url, psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def back(connection, column):
    return [value for (value,) in connection.execute("SELECT * FROM unnest(%s)", (column,))]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.none() | TEXTS, max_size=20), st.lists(st.none() | LONGS, max_size=20), st.lists(st.binary(max_size=40))
)
def test_what_goes_in_comes_out(connection, some_texts, some_longs, some_blobs):
    assert back(connection, texts(some_texts)) == some_texts
    assert back(connection, encoded([None if one is None else one.encode() for one in some_texts])) == some_texts
    assert back(connection, longs(some_longs)) == some_longs
    assert back(connection, blobs(some_blobs)) == some_blobs


def test_a_nul_in_a_text_is_refused_by_the_server_and_spoils_nothing_else(connection):
    with pytest.raises(psycopg.DataError):
        back(connection, texts(["good", "a\0b"]))
    assert back(connection, texts(["good"])) == ["good"]
