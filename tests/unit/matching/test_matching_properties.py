"""What holds for every rule and any text."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from konversi.events.conversion import Customer
from konversi.matching.explain import explain
from konversi.matching.hashed import already_hashed
from konversi.matching.keys import BY_META, BY_NAME, KEYS
from konversi.matching.match import match
from konversi.matching.reading import Remark, Setting

SENT = re.compile(r"[0-9a-f]{64}|[0-9A-Fa-f]{64}\.[A-Za-z0-9_-]{2,8}")
HASHABLE = [key for key in KEYS if key.hashed]
SETTINGS = st.builds(
    Setting,
    phone_country=st.sampled_from(["ID", "US", "IT", "GB", "MX", "AR", None]),
    customer_country=st.sampled_from(["us", "id", None]),
    day=st.none() | st.integers(0, 10**9),
)
LIKELY = st.one_of(
    st.text(),
    st.text("0123456789+-() .,/x;@"),
    st.text("abcß İŞΣﬁ'-.’́̈️1😀　ａ", max_size=12),
    st.emails(),
    st.dates().map(str),
    st.sampled_from(["Indonesia", "IDN", "California", "laki-laki", "+39 06 1234 5678", "fb.1.1596403881668.11"]),
)


def normal(reading):
    return reading.normal if isinstance(reading, Remark) else reading


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.meta)
@settings(deadline=None)  # metadata is read on first use
@given(text=LIKELY, setting=SETTINGS)
@example(text="", setting=Setting())
@example(text="+", setting=Setting())
@example(text="ΑΣ Σ", setting=Setting())
def test_normalising_twice_is_normalising_once(key, text, setting):
    once = normal(key.rule(text, setting))
    if once is None:
        return
    again = f"+{once}" if key.meta == "ph" else once
    assert once
    assert normal(key.rule(again, setting)) == once


@settings(deadline=None)  # metadata is read on first use
@given(
    text=LIKELY,
    country=st.none() | st.text(max_size=3) | st.just("ID"),
    field=st.sampled_from(sorted(BY_NAME)) | st.text(),
)
def test_explaining_never_raises_and_sends_only_hashes(text, country, field):
    explained = explain(field, text, country)
    assert explained.sha256 is None or SENT.fullmatch(explained.sha256)
    key = BY_NAME.get(field.rpartition(".")[2])
    if key and not key.hashed:
        assert explained.sha256 is None
    if explained.normalized is None:
        assert explained.note


@pytest.mark.parametrize("key", HASHABLE, ids=lambda key: key.meta)
@settings(deadline=None)  # metadata is read on first use
@given(digest=st.from_regex(r"[0-9A-Fa-f]{64}", fullmatch=True), appendix=st.sampled_from(["", ".AQ", ".AQQCAQIB"]))
def test_what_is_hashed_already_passes_through(key, digest, appendix):
    value = digest + appendix
    assert explain(key.meta, value, "ID").sha256 == (value if appendix else value.lower())
    assert already_hashed(value) == (value if appendix else value.lower())


TEXTS = sorted(set(Customer.model_fields) - {"preferences"})
CLEAN = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=60)


@settings(deadline=None)  # metadata is read on first use
@given(st.dictionaries(st.sampled_from(TEXTS), CLEAN))
def test_only_hashes_leave_for_any_customer(fields):
    result = match(Customer(**fields), country="ID", seen_ms=1_790_000_000_000)
    for meta, value in result.user_data.items():
        if BY_META[meta].hashed:
            assert value
            assert all(SENT.fullmatch(item) for item in value)
            assert len(set(value)) == len(value)
        else:
            assert isinstance(value, str | int)


@settings(deadline=None)  # metadata is read on first use
@given(st.dictionaries(st.sampled_from(TEXTS), CLEAN, min_size=2))
def test_the_order_in_which_fields_came_changes_nothing(fields):
    backwards = dict(reversed(fields.items()))
    one = match(Customer(**fields), country="ID", seen_ms=0)
    other = match(Customer(**backwards), country="ID", seen_ms=0)
    assert list(one.user_data.items()) == list(other.user_data.items())
    assert one.notes == other.notes
