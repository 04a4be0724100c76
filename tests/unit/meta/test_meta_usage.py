"""How near Meta's limits we are."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from konversi.meta.usage import Usage, usage

NOW = 1_700_000_000.0


def read(**headers):
    return usage(
        {
            name.replace("_", "-"): value if isinstance(value, str) else json.dumps(value)
            for name, value in headers.items()
        },
        NOW,
    )


def test_no_headers_say_nothing():
    assert read() == Usage(0.0, 0.0)


@pytest.mark.parametrize("name", ["x_app_usage", "x_ad_account_usage"])
@pytest.mark.parametrize("key", ["call_count", "total_cputime", "total_time", "acc_id_util_pct"])
def test_the_highest_percentage_counts(name, key):
    assert read(**{name: {"call_count": 3, "total_time": 5, key: 80}}).percent == 80


@pytest.mark.parametrize("name", ["x_business_use_case_usage", "x_business_use_case"])
def test_every_business_object_is_read(name):
    given = {
        "1": [{"type": "ads", "call_count": 10}],
        "2": [{"call_count": 95, "estimated_time_to_regain_access": 3}, {"total_time": 7}],
    }
    assert read(**{name: given}) == Usage(95.0, 180.0)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", 0),
        ("5", 5),
        (" 7 ", 7),
        ("3600", 3_600),
        ("1000000000", 3_600),
        ("9" * 400, 3_600),
        ("-5", 0),
        ("", 0),
        ("soon", 0),
        ("²", 0),
        ("1.5", 0),
        ("٣", 0),
    ],
)
def test_retry_after_is_bounded_whatever_it_says(text, wait):
    assert read(retry_after=text).wait == wait


def test_retry_after_may_be_a_date():
    def at(seconds):
        return format_datetime(datetime.fromtimestamp(NOW + seconds, UTC), usegmt=True)

    assert read(retry_after=at(90)).wait == 90
    assert read(retry_after=at(-90)).wait == 0
    assert read(retry_after=at(10**7)).wait == 3_600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "5",
        '"x"',
        "\xff",
        '{"call_count":"many"}',
        '{"call_count":true}',
        '{"call_count":-5}',
        '{"1":[5]}',
        '{"1":[]}',
    ],
)
def test_headers_that_make_no_sense_say_nothing(text):
    assert read(x_app_usage=text, x_business_use_case_usage=text) == Usage(0.0, 0.0)


HEADERS = st.sampled_from(["retry-after", "x-app-usage", "x-ad-account-usage", "x-business-use-case-usage"])


@given(st.dictionaries(HEADERS, st.text(st.characters(max_codepoint=255), max_size=60)))
@example({"retry-after": "\xb2"})
@example({"retry-after": "Mon, 01 Jan 0001 00:00:00 -0000"})
@example({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2300"})
def test_any_header_is_borne(headers):
    found = usage(headers, NOW)
    assert found.percent >= 0
    assert 0 <= found.wait <= 3_600
