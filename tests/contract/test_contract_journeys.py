"""What every store of journeys does."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from konversi.database.opening import open_database
from konversi.events.agent import ToolUse, Turn
from konversi.events.conversion import Customer
from konversi.journeys.arrival import Arrival, Automatic, Heard, Identities, Referral
from konversi.journeys.arriving import _CLICKED, _DROP_TOUCHES, _MET, _PEOPLE
from konversi.journeys.hot import _KNOWN, _SEEN_BY_META
from konversi.journeys.port import Search, journey_id, journey_of
from konversi.journeys.store import Journeys
from konversi.matching.match import match
from outboxes import kept_in, plan_of

SECRET = b"s" * 32
WABA = "102290129340398"
NOW = 1_800_000_000


class Here:
    """A store of journeys, with a clock that stands where it is put."""

    def __init__(self, url):
        self.url = url
        self.time = float(NOW)

    async def open(self):
        self.database = await open_database(self.url)
        self.journeys = Journeys(self.database, SECRET, country="ID", now=lambda: self.time)
        await self.journeys.open()
        return self.journeys

    async def reopened(self):
        await self.database.aclose()
        return await self.open()


@pytest.fixture
def here(url):
    return Here(url)


@pytest.fixture
def journeys(here):
    @asynccontextmanager
    async def opened():
        try:
            yield await here.open()
        finally:
            await here.database.aclose()

    return opened()


def arrival(message="wamid.1", *, phone="+6281234567890", user_id=None, account=WABA, at=NOW, referral=None, **more):
    who = Identities(phone, user_id, "Budi")
    return Arrival(message, more.get("channel", "whatsapp"), account, "106540352242922", at, who, "text", referral)


def click(click_id="clid-1", ad_id="120210001"):
    return Referral(click_id, ad_id, "ad", "https://fb.me/x", "Repaint")


def heard(*arrivals, automatic=()):
    return Heard(tuple(arrivals), tuple(automatic))


def customer(**given):
    return match(Customer(**given), country="ID", seen_ms=NOW * 1_000).user_data


async def of(journeys, **given):
    """The conversations of a customer."""
    keys = journeys.keyring.of_chats(customer(**given))
    found = await journeys.known(keys)
    return list({one.journey: one for ones in found.values() for one in ones}.values())


async def test_a_message_with_a_click_is_found_by_the_customers_phone_in_any_spelling(journeys):
    assert await journeys.arrive(heard(arrival(referral=click()))) == (1, 0, False)
    (one,) = await of(journeys, phone="0812-3456-7890")
    assert (one.channel, one.account) == ("whatsapp", WABA)
    assert [(touch.click_id, touch.ad_id, touch.at) for touch in one.touches] == [("clid-1", "120210001", NOW)]


async def test_the_same_message_is_kept_once_however_often_it_comes(journeys):
    message = arrival(referral=click())
    assert await journeys.arrive(heard(message, message)) == (1, 1, False)
    assert await journeys.arrive(heard(message)) == (0, 1, False)
    (one,) = await of(journeys, phone="+6281234567890")
    assert len(one.touches) == 1
    assert (await journeys.find(one.journey)).messages == 1


async def test_many_that_bring_one_message_at_once_keep_it_once(journeys):
    results = await asyncio.gather(*(journeys.arrive(heard(arrival(referral=click()))) for _ in range(50)))
    assert sum(one.new for one in results) == 1


async def test_later_messages_without_a_click_keep_the_click(journeys):
    await journeys.arrive(heard(arrival(referral=click())))
    await journeys.arrive(heard(arrival("wamid.2", at=NOW + 60)))
    (one,) = await of(journeys, phone="+6281234567890")
    assert [touch.click_id for touch in one.touches] == ["clid-1"]
    found = await journeys.find(one.journey)
    assert (found.messages, found.opened_at, found.last_at) == (2, NOW, NOW + 60)


async def test_a_click_is_kept_as_it_first_came(journeys):
    await journeys.arrive(heard(arrival(referral=click()), arrival("wamid.2", at=NOW + 60, referral=click())))
    (one,) = await of(journeys, phone="+6281234567890")
    assert [touch.at for touch in one.touches] == [NOW]


async def test_messages_out_of_order_are_put_right(journeys):
    await journeys.arrive(heard(arrival("wamid.2", at=NOW + 60), arrival("wamid.1", at=NOW, referral=click())))
    (one,) = await of(journeys, phone="+6281234567890")
    found = await journeys.find(one.journey)
    assert (found.opened_at, found.last_at) == (NOW, NOW + 60)


async def test_a_customer_without_a_phone_is_known_by_the_user_id(journeys):
    await journeys.arrive(heard(arrival(phone=None, user_id="ID.13491208655302741918", referral=click())))
    (one,) = await of(journeys, whatsapp_user_id="ID.13491208655302741918")
    assert one.touches
    assert "ph" not in one.user_data


@pytest.mark.parametrize("ids", [(None, "ID.1349"), ("ID.1349", None), ("ID.1349", None, "ID.1349")])
async def test_a_chat_goes_on_whether_or_not_the_user_id_is_told_beside_the_phone(journeys, ids):
    for number, user_id in enumerate(ids):
        referral = None if number else click()
        await journeys.arrive(heard(arrival(f"wamid.{number}", user_id=user_id, referral=referral)))
    (by_phone,) = await of(journeys, phone="0812 3456 7890")
    (by_id,) = await of(journeys, whatsapp_user_id="ID.1349")
    assert by_phone.journey == by_id.journey
    assert [touch.click_id for touch in by_phone.touches] == ["clid-1"]


async def test_a_phone_that_is_told_later_leads_to_the_same_conversation(journeys):
    await journeys.arrive(heard(arrival(phone=None, user_id="ID.1349", referral=click())))
    await journeys.arrive(heard(arrival("wamid.2", user_id="ID.1349")))
    (by_phone,) = await of(journeys, phone="0812 3456 7890")
    (by_id,) = await of(journeys, whatsapp_user_id="ID.1349")
    assert by_phone.journey == by_id.journey
    assert by_phone.user_data.keys() == {"ph", "external_id"}


async def test_each_account_has_a_conversation_of_its_own_with_the_same_customer(journeys):
    await journeys.arrive(heard(arrival(), arrival("wamid.2", account="999")))
    assert {one.account for one in await of(journeys, phone="+6281234567890")} == {WABA, "999"}


async def test_a_click_id_finds_its_conversation(journeys):
    await journeys.arrive(heard(arrival(referral=click())))
    found = await journeys.known(journeys.keyring.of_chats({"ctwa_clid": "clid-1"}))
    assert len(found) == 1


async def test_messenger_and_instagram_are_known_by_their_own_ids(journeys):
    await journeys.arrive(
        heard(
            arrival("m.1", channel="messenger", phone=None, user_id="5550001", account="77"),
            arrival("m.2", channel="instagram", phone=None, user_id="5550002", account="88"),
        )
    )
    (messenger,) = await of(journeys, page_scoped_user_id="5550001")
    (instagram,) = await of(journeys, ig_sid="5550002")
    assert (messenger.channel, instagram.channel) == ("messenger", "instagram")


async def test_nothing_that_was_kept_names_the_customer(journeys, here):
    await journeys.arrive(heard(arrival("wamid.HBgNNjI4MTIzNDU2Nzg5MA==", user_id="ID.1349120", referral=click())))
    await journeys.agent_log.note(
        [ToolUse(tool="create_booking", outcome="succeeded", conversation="chat-6281234567890")]
    )
    await here.database.aclose()
    kept = kept_in(here.url)
    for secret in (b"6281234567890", b"1349120", b"HBgNNjI4", b"Budi", b"chat-628"):
        assert secret not in kept
    await here.open()


async def test_what_was_kept_is_there_after_a_restart(journeys, here):
    await journeys.arrive(heard(arrival(referral=click())))
    again = await here.reopened()
    (one,) = await of(again, phone="+6281234567890")
    assert one.touches
    assert await again.arrive(heard(arrival(referral=click()))) == (0, 1, False)


async def test_before_the_first_conversation_a_customer_has_no_keys_where_nobody_else_writes(journeys, here):
    assert (journeys.keyring.of_chats(customer(phone="+6281234567890")) == ()) is not here.database.shared
    await journeys.arrive(heard(arrival()))
    assert len(journeys.keyring.of_chats(customer(phone="+6281234567890"))) == 1


async def test_what_meta_saw_is_kept_once_with_its_conversation(journeys):
    await journeys.arrive(heard(arrival(referral=click())))
    saw = Automatic("wamid.1", WABA, "LeadSubmitted", NOW, "clid-1")
    assert await journeys.arrive(heard(automatic=[saw, saw])) == (1, 1, False)
    (one,) = await of(journeys, phone="+6281234567890")
    assert one.automatic == ("LeadSubmitted",)


async def test_what_meta_saw_in_an_unknown_chat_is_kept_too(journeys):
    assert await journeys.arrive(heard(automatic=[Automatic("wamid.9", WABA, "Purchase", NOW, None)])) == (1, 0, False)


async def test_of_very_many_clicks_the_first_and_the_last_ones_stay(journeys):
    many = [arrival(f"wamid.{n}", at=NOW + n, referral=click(f"clid-{n}")) for n in range(120)]
    await journeys.arrive(heard(*many))
    (one,) = await of(journeys, phone="+6281234567890")
    kept = [touch.click_id for touch in one.touches]
    assert (kept[0], kept[-1]) == ("clid-0", "clid-119")
    assert len(kept) <= 52


async def test_tool_calls_are_kept_with_their_conversation(journeys):
    await journeys.arrive(heard(arrival()))
    use = ToolUse(tool="create_booking", outcome="failed", error_kind="SlotTaken", seconds=0.25, called_at=NOW + 3,
                  customer=Customer(phone="0812 3456 7890"))  # fmt: skip
    assert await journeys.agent_log.note([use]) == 1
    (one,) = await of(journeys, phone="+6281234567890")
    (kept,) = (await journeys.past(one.journey)).uses
    assert (kept["tool"], kept["outcome"], kept["error_kind"]) == ("create_booking", "failed", "SlotTaken")
    assert (kept["seconds"], kept["at"]) == (0.25, NOW + 3)


async def test_a_tool_call_told_twice_is_kept_once(journeys):
    use = ToolUse(tool="book", outcome="succeeded", call_id="call_1", conversation="chat-1")
    assert await journeys.agent_log.note([use, use]) == 1
    assert await journeys.agent_log.note([use]) == 0
    assert await journeys.agent_log.note([use.model_copy(update={"conversation": "chat-2"})]) == 1


@pytest.mark.parametrize(("first", "then", "kept"), [
    ("pending", "succeeded", "succeeded"), ("error", "succeeded", "succeeded"), ("retried", "failed", "failed"),
    ("succeeded", "cached", "succeeded"), ("failed", "error", "failed"),
])  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_call_that_is_tried_again_ends_as_its_last_try(journeys, first, then, kept, at_once):
    await journeys.arrive(heard(arrival()))
    known = Customer(phone="+6281234567890")
    uses = [ToolUse(tool="book", outcome=outcome, call_id="call_1", customer=known) for outcome in (first, then)]
    for some in [uses] if at_once else [[use] for use in uses]:
        await journeys.agent_log.note(some)
    (one,) = await of(journeys, phone="+6281234567890")
    assert [use["outcome"] for use in (await journeys.past(one.journey)).uses] == [kept]


async def test_a_bots_own_name_for_a_chat_leads_to_its_journey_once_the_customer_was_named(journeys):
    await journeys.arrive(heard(arrival()))
    known = Customer(phone="+6281234567890")
    await journeys.agent_log.note(
        [ToolUse(tool="check_slots", outcome="succeeded", conversation="thread-7", customer=known)]
    )
    await journeys.agent_log.note_turn(Turn(conversation="thread-7", tools=1, claimed=True))
    (one,) = await of(journeys, phone="+6281234567890")
    past = await journeys.past(one.journey)
    assert [(turn["claimed"], turn["booked"]) for turn in past.turns] == [(True, False)]


async def test_tool_calls_without_any_conversation_are_kept(journeys):
    assert await journeys.agent_log.note([ToolUse(tool="book", outcome="succeeded")] * 2) == 2
    assert await journeys.agent_log.note([]) == 0


async def test_conversations_are_listed_newest_first_page_by_page(journeys):
    phones = [f"+628123456789{n}" for n in range(5)]
    for number, phone in enumerate(phones):
        await journeys.arrive(heard(arrival(f"wamid.{number}", phone=phone, referral=click(ad_id=f"ad{number % 2}"))))
    listed = await journeys.search(Search(limit=2))
    assert [one.tail for one, _ in listed] == ["…7894", "…7893"]
    rest = await journeys.search(Search(before=listed[-1][0].id))
    assert [one.tail for one, _ in rest] == ["…7892", "…7891", "…7890"]
    assert {ad for _, ad in await journeys.search(Search(ad_id="ad1"))} == {"ad1"}
    assert await journeys.search(Search(channel="messenger")) == []


async def test_a_message_is_forgotten_long_before_its_conversation(journeys):
    await journeys.arrive(heard(arrival(referral=click())))
    assert not await journeys.forget(messages_before=NOW + 1, rest_before=NOW - 1, limit=100)
    assert len(await of(journeys, phone="+6281234567890")) == 1
    assert await journeys.arrive(heard(arrival(at=NOW + 5))) == (1, 0, False)


async def test_a_conversation_that_fell_silent_is_forgotten_with_all_that_belongs_to_it(journeys):
    await journeys.arrive(heard(arrival(referral=click()), arrival("wamid.2", phone="+6281234567899", at=NOW + 100)))
    await journeys.agent_log.note(
        [ToolUse(tool="book", outcome="succeeded", customer=Customer(phone="+6281234567890"))]
    )
    keys = journeys.keyring.of_chats({"ctwa_clid": "clid-1"})
    assert not await journeys.forget(messages_before=NOW - 1, rest_before=NOW + 50, limit=100)
    assert await journeys.known(keys) == {}
    assert await of(journeys, phone="+6281234567890") == []
    assert [one.tail for one, _ in await journeys.search(Search())] == ["…7899"]
    assert await journeys.find(1) is None


async def test_there_may_be_more_to_forget_than_is_forgotten_at_once(journeys):
    await journeys.arrive(heard(*(arrival(f"wamid.{n}", phone=f"+62812345678{n:02}") for n in range(5))))
    assert await journeys.forget(messages_before=NOW - 1, rest_before=NOW + 1, limit=3)
    assert not await journeys.forget(messages_before=NOW - 1, rest_before=NOW + 1, limit=3)


async def test_finding_a_conversation_reads_no_table_from_end_to_end(journeys, here):
    await journeys.arrive(
        heard(*(arrival(f"wamid.{n}", phone=f"+62812{n:08}", referral=click(f"c{n}")) for n in range(500)))
    )
    await journeys.arrive(heard(*(arrival(f"more.{n}") for n in range(3_000))))
    seen = (Automatic(f"wamid.{n}", WABA, "LeadSubmitted", NOW, f"c{n}") for n in range(500))
    await journeys.arrive(heard(automatic=seen))
    condition, keys = journeys._database.among((b"x", b"y"))
    asked = [(query.format(condition), keys) for query in (_KNOWN, _PEOPLE, _MET)]
    for query, values in (
        *asked,
        (_CLICKED.format("?"), (1,)),
        (_SEEN_BY_META.format("?"), (1,)),
        (_DROP_TOUCHES, (1, 1)),
    ):
        plan = plan_of(here.url, query, values)
        assert not any(step.startswith("SCAN") or "Seq Scan" in step for step in plan), plan


@pytest.mark.parametrize(("number", "text"), [(1, "jn_000000001"), (10**12, "jn_1000000000000")])
def test_a_journeys_id_can_be_read_back(number, text):
    assert journey_id(number) == text
    assert journey_of(text) == number


@pytest.mark.parametrize("text", ["", "jn_", "jn_x", "rc_1", "jn_-1", "jn_1234567890123456789", "jn_١"])
def test_other_texts_are_no_journeys(text):
    assert journey_of(text) is None


async def test_a_number_that_changed_hands_leads_to_its_new_owner_only(journeys):
    await journeys.arrive(heard(arrival(user_id="ID.1111111111", referral=click("clid-of-a"))))
    await journeys.arrive(heard(arrival("wamid.2", user_id="ID.2222222222", at=NOW + 60)))
    (by_phone,) = await of(journeys, phone="+6281234567890")
    (first,) = await of(journeys, whatsapp_user_id="ID.1111111111")
    assert by_phone.journey != first.journey
    assert "ph" not in first.user_data
    assert [touch.click_id for touch in first.touches] == ["clid-of-a"]
    assert by_phone.touches == []


async def test_a_linked_id_beside_a_known_phone_is_remembered(journeys):
    await journeys.arrive(heard(arrival()))
    await journeys.arrive(heard(arrival("wamid.2", user_id="998877@lid")))
    await journeys.arrive(heard(arrival("wamid.3", phone=None, user_id="998877@lid", referral=click())))
    (one,) = await of(journeys, phone="+6281234567890")
    assert [touch.click_id for touch in one.touches] == ["clid-1"]
    assert one.user_data.keys() == {"ph", "external_id"} or one.user_data.keys() == {"ph"}


async def test_a_person_with_unusable_ids_still_has_one_conversation(journeys):
    for number in range(3):
        await journeys.arrive(heard(arrival(f"wamid.{number}", phone="+99999", at=NOW + number)))
    ((one, _),) = await journeys.search(Search())
    assert one.messages == 3


async def test_what_a_link_tells_of_a_person_is_not_kept(journeys):
    told = Referral("clid-1", "ad-1", "ad", "https://fb.me/x?email=budi@example.com#a", "Repaint", "+62 812 3456 7890")
    await journeys.arrive(heard(arrival(referral=told)))
    (one,) = await of(journeys, phone="+6281234567890")
    ((kept,),) = [(await journeys.past(one.journey)).touches]
    assert (kept["source_url"], kept["ref"]) == ("https://fb.me/x", None)


async def test_an_older_message_that_comes_late_does_not_change_the_line(journeys):
    await journeys.arrive(
        heard(arrival(at=NOW)._replace(line="new"), arrival("wamid.2", at=NOW - 60)._replace(line="old"))
    )
    (one,) = await of(journeys, phone="+6281234567890")
    assert one.line == "new"
