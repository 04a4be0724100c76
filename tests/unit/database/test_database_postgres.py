"""What PostgreSQL's errors mean, by their SQLSTATE, and how its URLs are read. Without a server."""

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import OperationalError

from konversi.database.postgres import Meaning, cause_of, engine_of, first_line, meaning
from konversi.errors import InvalidSettings

MEANINGS = {
    Meaning.AGAIN: ["40001", "40P01", "40000", "23505", "23503"],
    Meaning.AWAY: [
        "08000", "08001", "08003", "08006", "25P03", "28000", "28P01", "3D000", "53000", "53100", "53200", "53300",
        "55P03", "57000", "57014", "57P01", "57P02", "57P03", "57P05", "58000", "58030",
    ],
    Meaning.ELSEWHERE: ["25006"],
    Meaning.MISTAKE: ["22021", "23502", "23514", "25P02", "42601", "42703", "42P01", "42P07", "XX000"],
}  # fmt: skip


@pytest.mark.parametrize(("expected", "state"), [(to, state) for to, states in MEANINGS.items() for state in states])
def test_an_error_is_judged_by_its_sqlstate(expected, state):
    error = errors.lookup(state)("words in whatever language") if state in errors._sqlcodes else None
    if error is None:
        error = psycopg.DatabaseError("words in whatever language")
        error.sqlstate = state
    assert meaning(error) is expected
    assert meaning(OperationalError("SELECT 1", {}, error)) is expected


def test_an_error_without_a_state_means_that_the_connection_is_gone_unless_the_statement_is_wrong():
    assert meaning(psycopg.OperationalError("the connection is lost")) is Meaning.AWAY
    assert meaning(psycopg.InterfaceError("the connection is closed")) is Meaning.AWAY
    assert meaning(psycopg.ProgrammingError("the query has 1 placeholder but 2 parameters")) is Meaning.MISTAKE
    assert meaning(psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")) is Meaning.MISTAKE
    assert meaning(ValueError("x")) is Meaning.MISTAKE


def test_what_is_said_of_an_error_is_its_first_line_without_the_statement_and_its_values():
    error = OperationalError(
        "SELECT %(phone)s", {"phone": "628123456789"}, psycopg.OperationalError("it is away\nDETAIL")
    )
    assert first_line(error) == "it is away"
    assert first_line(psycopg.OperationalError()) == "OperationalError"
    assert cause_of(ValueError("x")).args == ("x",)


def test_what_a_url_says_of_the_session_goes_before_ours():
    engine = engine_of("postgresql://somebody@nowhere.invalid/x?options=-c%20search_path%3Da")
    _, given = engine.dialect.create_connect_args(engine.url)
    assert given["options"] == "-c search_path=a"
    with pytest.raises(InvalidSettings, match="twice"):
        engine_of("postgresql://nowhere.invalid/x?options=a&options=b")


def test_an_engine_prints_no_password():
    assert "geheim" not in repr(engine_of("postgresql://somebody:geheim@nowhere.invalid/x"))
