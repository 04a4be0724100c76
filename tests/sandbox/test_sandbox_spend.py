"""The sandbox's Insights and custom conversions: text for numbers, pages with cursors, and what is refused."""

import orjson
import pytest

from konversi.sandbox.ads import ACCOUNT

ASKED = {
    "level": "ad",
    "time_increment": "1",
    "time_range": '{"since":"2026-11-01","until":"2026-11-03"}',
    "fields": "ad_id,spend,account_currency,actions",
    "action_attribution_windows": '["7d_click","1d_view"]',
}
CONVERSION = {
    "name": "Repaint",
    "event_source_id": "1234567890",
    "custom_event_type": "LEAD",
    "rule": '{"and":[{"event":{"eq":"Lead"}},{"or":[{"content_name":{"i_contains":"Repaint"}}]}]}',
}


def ask(http, **changed):
    return http.get(f"/v26.0/act_{ACCOUNT}/insights", params={**ASKED, **changed})


def test_all_pages_together_have_each_ad_on_each_day_once(http):
    seen, after = [], {}
    while True:
        answer = ask(http, limit="10", **after).json()
        seen += [(row["ad_id"], row["date_start"]) for row in answer["data"]]
        if "next" not in answer["paging"]:
            break
        after = {"after": answer["paging"]["cursors"]["after"]}
    assert len(seen) == len(set(seen)) == 36


def test_numbers_are_text_and_each_action_has_its_windows(http):
    answer = ask(http)
    row = answer.json()["data"][0]
    assert row["spend"].isdigit()
    assert row["actions"][0]["7d_click"] == row["actions"][0]["value"]
    assert "acc_id_util_pct" in orjson.loads(answer.headers["x-fb-ads-insights-throttle"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fields", "spend,nonsense"),
        ("time_range", "yesterday"),
        ("action_attribution_windows", '["28d_view"]'),
        ("after", "%%"),
        ("limit", "0"),
    ],
)
def test_what_meta_would_not_take_is_refused(http, name, value):
    answer = ask(http, **{name: value})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_another_account_does_not_exist(http):
    assert http.get("/v26.0/act_987654321/insights", params=ASKED).json()["error"]["error_subcode"] == 33


def test_a_custom_conversion_is_made_and_listed(http):
    made = http.post(f"/v26.0/act_{ACCOUNT}/customconversions", json=CONVERSION)
    listed = http.get(f"/v26.0/act_{ACCOUNT}/customconversions").json()["data"]
    assert made.json()["id"] in [one["id"] for one in listed]


@pytest.mark.parametrize(
    "wrong",
    [{"rule": "{}"}, {"rule": '{"and":[]}'}, {"rule": "no"}, {"custom_event_type": "Lead"}, {"name": ""}],
)
def test_a_custom_conversion_that_cannot_be_is_refused(http, wrong):
    answer = http.post(f"/v26.0/act_{ACCOUNT}/customconversions", json={**CONVERSION, **wrong})
    assert answer.json()["error"]["code"] == 100
