"""Any JSON, real calls with parts exchanged, and what must hold of everything heard."""

from __future__ import annotations

import copy

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=25,
)


def check_sound(heard, now):
    """Whatever came in, what comes out can be stored."""
    assert heard.others >= 0
    for arrival in heard.arrivals:
        assert arrival.message
        assert arrival.who.phone or arrival.who.user_id
        assert arrival.who.phone is None or (arrival.who.phone[0] == "+" and arrival.who.phone[1:].isdigit())
        assert 1_230_768_000 <= arrival.at <= now + 3_600
        assert 0 < len(arrival.kind) <= 40
        for text in (arrival.message, arrival.account, arrival.line, *arrival.who, *(arrival.referral or ())):
            assert text is None or ("\x00" not in text and text.encode("utf-8") and len(text) <= 500)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def replaced(value, path, new):
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def with_parts_exchanged(data, body):
    """The call, with one to three of its parts replaced by anything."""
    for _ in range(data.draw(st.integers(1, 3))):
        body = replaced(body, data.draw(st.sampled_from(list(places(body)))), data.draw(JSON))
    return body
