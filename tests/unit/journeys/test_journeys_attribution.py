"""Which click wins, until when, and what Meta is told of the conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.journeys.attribution import Known, Touch, Window, attribute

DAY = 86_400
NOW = 1_800_000_000
WABA = "102290129340398"


def touch(number=1, *, days_ago=1.0, click_id="clid-1", ad_id="ad-1", account=WABA, line="106540352242922"):
    return Touch(number, int(NOW - days_ago * DAY), account, line, click_id, ad_id)


def chat(*touches, journey=7, channel="whatsapp", account=WABA, automatic=(), last_at=NOW, user_data=None):
    return Known(journey, channel, account, None, last_at, user_data or {"ph": ["h"]}, touches, automatic)


def credit(*known, channel=None, dataset=None, click_id=None, event="LeadSubmitted", window=None, datasets=None):
    return attribute(
        known,
        channel=channel,
        dataset=dataset,
        click_id=click_id,
        event_name=event,
        occurred=NOW,
        window=window or Window(),
        dataset_of=lambda channel, account, line: (datasets or {}).get(account),
    )


def codes(found):
    return [note.code for note in found.notes] + ([found.no_click.code] if found.no_click else [])


def test_a_click_within_the_window_goes_with_its_account():
    found = credit(chat(touch()))
    assert (found.journey, found.touch, found.channel) == (7, 1, "whatsapp")
    assert found.user_data == {"ph": ["h"], "ctwa_clid": "clid-1", "whatsapp_business_account_id": WABA}
    assert codes(found) == ["click_known"]
    assert "ad ad-1 1 day before" in found.notes[0].text


def test_without_a_conversation_nothing_is_added():
    found = credit()
    assert (found.journey, found.touch, found.user_data, codes(found)) == (None, None, {}, [])


def test_an_organic_chat_adds_the_identity_and_no_click():
    found = credit(chat())
    assert (found.journey, found.touch) == (7, None)
    assert found.user_data == {"ph": ["h"]}
    assert found.no_click is None


def test_the_last_of_several_clicks_wins_unless_the_first_is_asked_for():
    several = chat(touch(1, days_ago=3, click_id="a"), touch(2, days_ago=1, click_id="b"))
    assert credit(several).user_data["ctwa_clid"] == "b"
    assert credit(several, window=Window(model="first")).user_data["ctwa_clid"] == "a"


def test_a_click_that_is_too_old_is_said_to_be():
    found = credit(chat(touch(days_ago=9)))
    assert (found.touch, codes(found)) == (None, ["click_too_old"])
    assert "9 days before, and clicks count for 7 days" in found.no_click.text
    assert "ctwa_clid" not in found.user_data


def test_the_window_is_a_setting():
    assert credit(chat(touch(days_ago=9)), window=Window(days=10)).touch == 1


@pytest.mark.parametrize(("days", "wins"), [(7.0, True), (7.00002, False)])
def test_the_window_ends_to_the_second(days, wins):
    assert (credit(chat(touch(days_ago=days))).touch == 1) is wins


def test_a_click_seen_just_after_the_booking_counts_since_clocks_differ():
    assert credit(chat(touch(days_ago=-0.003))).touch == 1
    assert credit(chat(touch(days_ago=-0.01))).touch is None


def test_an_ad_in_status_is_credited_in_our_reports_and_explained():
    found = credit(chat(touch(click_id=None)))
    assert (found.touch, codes(found)) == (1, ["click_known", "ad_without_click_id"])
    assert "ctwa_clid" not in found.user_data


def test_a_click_id_is_not_displaced_by_a_later_ad_without_one():
    found = credit(chat(touch(1, days_ago=3), touch(2, days_ago=1, click_id=None)))
    assert (found.touch, found.user_data["ctwa_clid"]) == (1, "clid-1")


def test_the_conversions_own_click_id_finds_its_account_however_old_it_is():
    found = credit(chat(touch(1, days_ago=1), touch(2, days_ago=20, click_id="mine")), click_id="mine")
    assert (found.touch, found.user_data["ctwa_clid"]) == (2, "mine")


def test_each_account_has_its_dataset():
    one = chat(touch(1, account="1"), journey=1, account="1")
    two = chat(touch(2, account="2", click_id="two"), journey=2, account="2")
    datasets = {"1": "111111", "2": "222222"}
    assert credit(one, datasets=datasets).dataset == "111111"
    assert credit(one, two, dataset="222222", datasets=datasets).journey == 2
    assert credit(one, dataset="222222", datasets=datasets).journey is None


def test_a_chat_on_another_channel_is_left_out():
    assert credit(chat(touch()), channel="messenger").journey is None


@pytest.mark.parametrize("channel", ["website", "store", "phone", "crm", "app"])
def test_what_happened_outside_the_chat_is_linked_to_it_and_tells_meta_nothing_of_it(channel):
    found = credit(chat(touch()), channel=channel)
    assert (found.journey, found.touch) == (7, 1)
    assert (found.channel, found.user_data, codes(found)) == (None, {}, [])


def test_messenger_needs_no_click_id():
    found = credit(
        chat(touch(click_id=None), channel="messenger", account="55", user_data={"page_scoped_user_id": "9"})
    )
    assert found.user_data == {"page_scoped_user_id": "9", "page_id": WABA}
    assert codes(found) == ["click_known"]


def test_an_organic_messenger_chat_names_its_page():
    found = credit(chat(channel="messenger", account="55", user_data={"page_scoped_user_id": "9"}))
    assert found.user_data == {"page_scoped_user_id": "9", "page_id": "55"}


def test_without_a_click_the_chat_that_was_last_active_is_meant():
    assert credit(chat(journey=1, last_at=NOW - 10), chat(journey=2, last_at=NOW)).journey == 2


def test_what_meta_saw_by_itself_is_told_so_that_nobody_counts_it_twice():
    assert codes(credit(chat(touch(), automatic=("LeadSubmitted",)))) == ["click_known", "meta_saw_it_too"]
    assert codes(credit(chat(touch(), automatic=("Purchase",)))) == ["click_known"]


touches = st.builds(
    touch,
    st.integers(1, 1000),
    days_ago=st.floats(-1, 30),
    click_id=st.none() | st.sampled_from(["a", "b"]),
)


@given(st.lists(touches, max_size=8), st.integers(1, 30), st.sampled_from(["last", "first"]))
def test_the_winner_is_within_the_window_and_none_of_its_kind_is_better(found, days, model):
    credited = credit(chat(*found), window=Window(days, model))
    in_time = [one for one in found if NOW - days * DAY <= one.at <= NOW + 300]
    in_time = [one for one in in_time if one.at <= NOW] or in_time
    if credited.touch is None:
        assert not in_time
        return
    winner = next(one for one in in_time if one.id == credited.touch)
    rivals = [one for one in in_time if one.click_id] or in_time
    best = (max if model == "last" else min)(one.at for one in rivals)
    assert any(one.at == best for one in rivals if one.id == winner.id)


@given(st.permutations([touch(1, days_ago=1, click_id="a"), touch(2, days_ago=2), touch(3, days_ago=2, click_id="c")]))
def test_the_order_in_which_clicks_are_read_does_not_matter(found):
    assert credit(chat(*found)).touch == 1


def test_a_click_that_seems_to_come_after_the_booking_yields_to_one_before_it():
    found = credit(chat(touch(1, days_ago=2, click_id="before"), touch(2, days_ago=-0.002, click_id="after")))
    assert found.user_data["ctwa_clid"] == "before"


def test_a_click_that_counts_in_our_reports_is_not_told_once_meta_takes_it_no_more():
    found = credit(chat(touch(days_ago=9)), window=Window(days=30))
    assert (found.touch, codes(found)) == (1, ["click_known", "click_too_old_for_meta"])
    assert "ctwa_clid" not in found.user_data


def test_a_dataset_that_is_asked_for_takes_the_clicks_of_its_own_accounts_only():
    mixed = chat(touch(1, account="1", click_id="one"), touch(2, days_ago=0.5, account="2", click_id="two"), account="")
    datasets = {"1": "111111", "2": "222222"}
    assert credit(mixed, dataset="111111", datasets=datasets).user_data["ctwa_clid"] == "one"
    assert credit(mixed, dataset="222222", datasets=datasets).user_data["ctwa_clid"] == "two"
