"""Log lines: for people or machines, never with a token or an identity."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi import logs
from konversi.logs import logger, redact

TOKEN = "EAAGm0PX4ZCpsBAKZBZCcanary"


@pytest.fixture
def written(capsys):
    """What a style writes to standard error."""
    root = logging.getLogger("konversi")
    before = root.handlers, root.level, root.propagate
    yield lambda: capsys.readouterr().err
    logs.set_up("console")
    root.handlers, root.level, root.propagate = before


@pytest.mark.parametrize(
    "text",
    [
        f"Malformed access token {TOKEN}",
        f"https://graph.facebook.com/v26.0/1/events?access_token={TOKEN}&fields=id",
        "https://graph.facebook.com/?access_token=canary|other",
        f'{{"access_token":"{TOKEN}"}}',
        f"Authorization: Bearer {TOKEN}",
        "Bearer canary.with-other_signs",
        '{"access_token": "canary|not-the-usual-form"}',
    ],
)
def test_whatever_looks_like_a_token_is_hidden(text):
    assert "canary" not in redact(text)
    assert "****" in redact(text)


@given(st.text())
def test_redacting_twice_is_redacting_once(text):
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text", ["", "Lead:BK-1001", "EAA", "The bearer of good news", "a plain sentence, with events_received: 1"]
)
def test_other_text_is_left_alone(text):
    assert redact(text) == text


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_line_holds_a_token_or_an_identity(written, style):
    logs.set_up(style)
    logger().info(
        f"answer {TOKEN}",
        cause=f"x {TOKEN} y",
        token="canary",
        phone="canary",
        email="canary",
        access_token="canary",
        user_data={"ph": "canary"},
    )
    logger().warning("nested", answer={"url": f"access_token={TOKEN}"}, several=[f"Bearer {TOKEN}"])
    lines = written()
    assert lines.count("\n") == 2
    assert "canary" not in lines


def test_a_line_for_people_says_the_event_and_then_what_belongs_to_it(written):
    logs.set_up("console")
    logger().info("delivered", events=3, nothing=None, text="two words")
    assert written() == "delivered events=3 text='two words'\n"


def test_a_line_for_machines_is_json_with_its_time_and_level(written):
    logs.set_up("json")
    logger().error("expired", events=3, path=ValueError("x"))
    line = json.loads(written())
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "error", "event": "expired", "events": 3, "path": "x"}


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_line_break_in_a_value_makes_no_second_line(written, style):
    logs.set_up(style)
    logger().info("asked", path="/a\nforged line")
    assert written().count("\n") == 1
