"""What Meta's answers mean: every code that is known, and anything else that may come."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from konversi.meta.answers import RULES, Kind, judge

REFUSED, PAUSED, THROTTLED, FAILED, UNCLEAR, UNLINKED = (
    Kind.REFUSED, Kind.PAUSED, Kind.THROTTLED, Kind.FAILED, Kind.UNCLEAR, Kind.UNLINKED,
)  # fmt: skip

# Meta, Graph API: error handling; Marketing API: error reference, rate limiting; measured subcodes.
TABLE = [
    (1, None, UNCLEAR), (1, 99, UNCLEAR), (2, None, FAILED), (3, None, PAUSED),
    (4, None, THROTTLED), (4, 1_504_022, THROTTLED), (4, 1_504_039, THROTTLED), (10, None, PAUSED),
    (17, None, THROTTLED), (17, 2_446_079, THROTTLED), (32, None, THROTTLED),
    (100, 33, PAUSED), (100, None, REFUSED), (100, 34, REFUSED), (100, 38, REFUSED),
    (100, 2_804_001, REFUSED), (100, 2_804_003, REFUSED), (100, 2_804_009, REFUSED), (100, 2_804_016, REFUSED),
    (100, 2_804_030, PAUSED), (100, 2_804_036, REFUSED), (100, 2_804_050, REFUSED), (100, 2_804_066, REFUSED),
    (100, 2_804_116, UNLINKED), (100, 2_804_131, UNLINKED), (100, 2_804_132, UNLINKED),
    (100, 2_804_007, REFUSED), (100, 2_804_017, REFUSED), (100, 2_804_019, REFUSED), (100, 2_804_048, REFUSED),
    (102, None, PAUSED), (104, None, PAUSED),
    *((190, subcode, PAUSED) for subcode in (None, 458, 459, 460, 463, 464, 467, 492)),
    *((code, None, PAUSED) for code in (200, 220, 299, 294)), (341, None, THROTTLED), (368, None, PAUSED),
    (506, None, REFUSED), (613, None, THROTTLED), (613, 1_487_742, THROTTLED), (613, 5_044_001, THROTTLED),
    (803, None, PAUSED), (2_635, None, PAUSED), (5_000, None, UNCLEAR), (21_009, None, FAILED),
    *((code, None, THROTTLED) for code in (80_000, 80_003, 80_004, 80_014)),
    (-1, None, UNCLEAR), (-1, 5, UNCLEAR), (199, None, UNCLEAR), (300, None, UNCLEAR), (424_242, None, UNCLEAR),
]  # fmt: skip


def error(status=400, **given):
    return judge(
        status, json.dumps({"error": {"message": "Un message", "type": "OAuthException", **given}}).encode(), 1
    )


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 200])
@pytest.mark.parametrize(("code", "subcode", "kind"), TABLE)
def test_an_error_is_judged_by_its_code_and_subcode_whatever_the_status(code, subcode, kind, status):
    given = {"code": code} if subcode is None else {"code": code, "error_subcode": subcode}
    verdict = error(status, fbtrace_id="Trace", **given)
    assert (verdict.kind, verdict.code, verdict.subcode) == (kind, code, subcode)
    assert (verdict.http_status, verdict.fbtrace_id, verdict.events_received) == (status, "Trace", None)
    assert str(code) in verdict.reason


def test_the_table_here_knows_every_rule():
    assert set(RULES) <= {(code, subcode) for code, subcode, _ in TABLE}


@pytest.mark.parametrize("rule", RULES.values(), ids=map(str, RULES))
def test_every_rule_says_what_happened_and_what_to_do(rule):
    assert rule.means.endswith(".")
    assert rule.remedy.endswith(".")


@pytest.mark.parametrize("code", [1, 2, 100, 190, 424_242])
def test_what_meta_calls_transient_is_tried_again(code):
    assert error(code=code, is_transient=True).kind is Kind.FAILED


def test_a_transient_throttle_is_still_a_throttle():
    assert error(code=4, is_transient=True).kind is Kind.THROTTLED


@pytest.mark.parametrize("transient", ["true", 1, None, False])
def test_only_true_is_transient(transient):
    assert error(code=100, is_transient=transient).kind is Kind.REFUSED


@pytest.mark.parametrize(("given", "code"), [("190", 190), ("-1", -1), (190, 190)])
def test_a_code_that_came_as_text_is_read(given, code):
    assert error(code=given).code == code


@pytest.mark.parametrize("strange", ["²", "٣", "--5", "", "1.5", True, 1.5, None, [], {}, 2**63, -(2**31), "9" * 30])
def test_a_strange_code_is_no_code_and_no_fault_of_ours(strange):
    verdict = error(400, code=strange, error_subcode=strange)
    assert (verdict.code, verdict.subcode, verdict.kind) == (None, None, Kind.UNCLEAR)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, PAUSED), (403, PAUSED), (429, THROTTLED), (400, UNCLEAR), (500, UNCLEAR)]
)
def test_an_error_without_a_code_is_judged_by_its_status(status, kind):
    assert error(status).kind is kind


def test_a_receipt_for_every_event_is_a_delivery():
    verdict = judge(200, b'{"events_received":3,"messages":[],"fbtrace_id":"T"}', 3)
    assert (verdict.kind, verdict.events_received, verdict.fbtrace_id, verdict.answer) == (Kind.DELIVERED, 3, "T", None)
    assert judge(200, b'{"events_received":3}', 3).kind is Kind.DELIVERED


def test_warnings_of_a_delivery_are_kept():
    verdict = judge(200, b'{"events_received":1,"messages":["look out"]}', 1)
    assert verdict.kind is Kind.DELIVERED
    assert "look out" in verdict.answer


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"1", b'"ok"', b"<html>OK</html>", b"{", b"\xff\xfe", b'{"events_received":0}',
        b'{"events_received":2}', b'{"events_received":4}', b'{"events_received":null}', b'{"events_received":true}',
        b'{"events_received":[]}', b'{"events_received":3.0}', b'{"error":null}', b'{"error":"x"}', b"[" * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_that_counts_other_than_we_sent_is_in_doubt_and_never_a_delivery(status, body):
    verdict = judge(status, body, 3)
    assert verdict.kind is Kind.IN_DOUBT
    assert verdict.answer is not None


def test_a_short_count_says_how_many():
    assert "2 of 3" in judge(200, b'{"events_received":2}', 3).reason


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, PAUSED), (302, PAUSED), (307, PAUSED), (308, PAUSED), (400, UNCLEAR), (401, PAUSED), (403, PAUSED),
        (404, PAUSED), (413, REFUSED), (418, UNCLEAR), (429, THROTTLED), (500, Kind.IN_DOUBT), (502, Kind.IN_DOUBT),
        (503, Kind.IN_DOUBT), (504, Kind.IN_DOUBT), (599, Kind.IN_DOUBT),
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"{}"])
def test_an_answer_without_metas_words_is_judged_by_its_status(status, kind, body):
    verdict = judge(status, body, 1)
    assert verdict.kind is kind
    assert f"HTTP {status}" in verdict.reason


@given(st.integers(100, 999), st.binary(max_size=200), st.integers(0, 1_000))
def test_there_is_a_verdict_on_any_bytes(status, body, sent):
    assert judge(status, body, sent).kind in Kind


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["²", "--5", "190", "EAAabcdefghijk"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
KNOWN = st.sampled_from(
    ["code", "error_subcode", "message", "is_transient", "fbtrace_id", "error_data", "error_user_msg"]
)


@given(
    st.integers(100, 999),
    st.fixed_dictionaries(
        {},
        optional={
            "error": ANYTHING | st.dictionaries(KNOWN, ANYTHING),
            "events_received": ANYTHING,
            "messages": ANYTHING,
            "fbtrace_id": ANYTHING,
        },
    ),
)
@example(400, {"error": {"code": "²", "fbtrace_id": "\0" * 200}})
def test_there_is_a_verdict_on_any_json_that_the_storage_can_hold(status, answer):
    verdict = judge(status, json.dumps(answer).encode(), 5)
    for number in (verdict.code, verdict.subcode, verdict.events_received):
        assert number is None or abs(number) < 2**31
    for text in (verdict.reason, verdict.fbtrace_id or "", verdict.answer or ""):
        assert "\0" not in text
    assert len(verdict.fbtrace_id or "") <= 100
    assert len(verdict.answer or "") <= 2_000


@pytest.mark.parametrize(
    "echo",
    [
        "EAAGm0PX4ZCpsBAKZBZCsecret",
        "https://graph.facebook.com/v26.0/1/events?access_token=EAAsecret123&x=1",
        "Bearer EAAsecret123",
    ],
)
def test_a_token_that_meta_echoes_is_not_kept(echo):
    for answer in (
        {"error": {"message": f"Malformed access token {echo}", "code": 190}},
        {"events_received": 0, "messages": [echo]},
    ):
        verdict = judge(400, json.dumps(answer).encode(), 1)
        assert "secret" not in repr(verdict)
        assert "****" in verdict.answer


def test_a_huge_answer_is_kept_only_in_part():
    assert len(judge(500, b"<html>" + b"x" * 5_000_000, 1).answer) <= 2_000


def test_the_reason_never_quotes_metas_own_text():
    assert "Un message" not in error(code=100).reason
