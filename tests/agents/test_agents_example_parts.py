"""The example's parts, each alone."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime

import pytest
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import FunctionModel

from whatsapp_booking import scripted
from whatsapp_booking.agent import agent_of
from whatsapp_booking.cloud import Cloud, ReplyNotSent
from whatsapp_booking.desk import Desk
from whatsapp_booking.greeting import greeting
from whatsapp_booking.incoming import Message, messages_in, signed_by_meta
from whatsapp_booking.indonesian import clock, day_in_words, rupiah
from whatsapp_booking.memory import Memory
from whatsapp_booking.reply_flow import SORRY, TEXT_ONLY, ReplyFlow
from whatsapp_booking.settings import Settings
from whatsapp_booking.studio import HOURS, WIB, NotBookable, Studio

TUESDAY = date(2026, 11, 24)
TOMORROW = date(2026, 11, 25)
LINE = "106540352242922"
BUDI = Message("wamid.1", "6281234567890", "ID.1", "Budi", "Halo")


@pytest.fixture
def studio(tmp_path):
    return Studio(tmp_path / "studio.db", lambda: datetime(2026, 11, 24, 10, 30, tzinfo=WIB))


@pytest.fixture
def memory(tmp_path):
    return Memory(tmp_path / "chats.db")


class Sent:
    """A Cloud API that takes every reply, or none."""

    def __init__(self, fault=None):
        self.replies = []
        self.fault = fault

    async def reply(self, to, text):
        if self.fault:
            raise self.fault
        self.replies.append((to.id, text))


# The studio


def test_a_slot_is_booked_once_however_many_ask_at_once(studio):
    def book(number):
        try:
            return studio.book("Repaint Velg", TOMORROW, 10, customer=f"62812{number}", name=None).id
        except NotBookable:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [found for found in pool.map(book, range(24)) if found]

    assert len(made) == 1
    assert 10 not in studio.free_hours(TOMORROW)


def test_the_same_booking_asked_for_again_is_the_one_that_is_there(studio):
    first = studio.book("Repaint Velg", TOMORROW, 10, customer="62812", name="Budi")

    assert studio.book("Repaint Velg", TOMORROW, 10, customer="62812", name="Budi") == first


def test_another_service_in_ones_own_slot_is_refused(studio):
    studio.book("Repaint Velg", TOMORROW, 10, customer="62812", name="Budi")

    with pytest.raises(NotBookable, match="terisi"):
        studio.book("Repaint Full Body", TOMORROW, 10, customer="62812", name="Budi")


@pytest.mark.parametrize(("day", "hour"), [(TUESDAY, 10), (date(2026, 11, 23), 15), (TOMORROW, 12), (TOMORROW, 25)])
def test_what_is_past_or_outside_the_hours_is_refused(studio, day, hour):
    with pytest.raises(NotBookable):
        studio.book("Repaint Velg", day, hour, customer="62812", name=None)


def test_today_only_what_lies_ahead_is_free(studio):
    assert studio.free_hours(TUESDAY) == [11, 13, 14, 15]
    assert studio.free_hours(TOMORROW) == list(HOURS)


def test_bookings_are_numbered_from_1001_in_whole_rupiah(studio):
    booking = studio.book("Repaint Bodi Halus", TOMORROW, 9, customer="62812", name=None)

    assert (booking.id, booking.price) == ("BK-1001", 150_000)


def test_money_and_days_read_as_in_indonesia():
    assert rupiah(1_250_000) == "Rp1.250.000"
    assert day_in_words(TOMORROW) == "Rabu, 25 November 2026"
    assert clock(9) == "09.00"


# The script


class Info:
    instructions = "Hari ini: 2026-11-24."


def answer_to(*prompts):
    """What the script answers to the last of these."""
    messages = [ModelRequest(parts=[UserPromptPart(prompt)]) for prompt in prompts]
    return scripted.respond(messages, Info()).parts[0]


def call(tool, **arguments):
    return tool, arguments


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (["Halo kak, mau repaint motor"], scripted.GREETING),
        (["Makasih ya!"], scripted.THANKS),
        (["asdf"], scripted.NOT_UNDERSTOOD),
        (["Berapa harga bodi halus?"], call("listServices")),
        (["Ada slot kosong?"], call("checkSlots", day="2026-11-25")),
        (["hari ini masih kosong?"], call("checkSlots", day="2026-11-24")),
        (["Jumat masih kosong?"], call("checkSlots", day="2026-11-27")),
        (["Selasa ada jadwal?"], call("checkSlots", day="2026-12-01")),
        (["Booking velg lusa"], call("checkSlots", day="2026-11-26")),
        (["Booking velg besok jam 10"], call("createBooking", service="Repaint Velg", day="2026-11-25", hour=10)),
        (
            ["besok kosong?", "booking full body pukul 9", "eh jam 13 aja"],
            call("createBooking", service="Repaint Full Body", day="2026-11-25", hour=13),
        ),
    ],
)
def test_the_script_understands(prompts, expected):
    part = answer_to(*prompts)

    found = part.content if isinstance(part, TextPart) else (part.tool_name, part.args or {})
    assert found == expected


@pytest.mark.parametrize(
    ("prompt", "missing"), [("mau booking besok jam 10", "repaint apa"), ("booking velg jam 10", "hari apa")]
)
def test_the_script_asks_for_what_is_missing(prompt, missing):
    assert missing in answer_to(prompt).content


def test_the_script_does_not_book_again_from_what_was_said_before_a_booking():
    booked = ToolReturnPart("createBooking", {"bookingId": "BK-1001"}, tool_call_id="call_1")
    messages = [
        ModelRequest(parts=[UserPromptPart("booking velg besok jam 10")]),
        ModelResponse(parts=[ToolCallPart("createBooking", {}, tool_call_id="call_1")]),
        ModelRequest(parts=[booked]),
        ModelResponse(parts=[TextPart("Siap kak")]),
        ModelRequest(parts=[UserPromptPart("oke jam 10 ya")]),
    ]

    assert isinstance(scripted.respond(messages, Info()).parts[0], TextPart)


# Meta's call


def told(message, line=LINE, contacts=()):
    value = {"metadata": {"phone_number_id": line}, "contacts": list(contacts), "messages": [message]}
    return {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}


def read(message, **more):
    return list(messages_in(told(message, **more), LINE))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "text", "text": {"body": "Halo 😊"}}, "Halo 😊"),
        ({"type": "button", "button": {"text": "Ya"}}, "Ya"),
        ({"type": "interactive", "interactive": {"button_reply": {"title": "Jam 10"}}}, "Jam 10"),
        ({"type": "interactive", "interactive": {"list_reply": {"title": "Velg"}}}, "Velg"),
        ({"type": "image", "image": {"id": "1"}}, None),
        ({"type": "text", "text": {"body": "\ud83d halo"}}, "? halo"),
    ],
)
def test_what_was_written_or_tapped_is_read(content, text):
    (message,) = read({"id": "wamid.1", "from": "62812", **content})

    assert message.text == text


def test_the_name_comes_from_the_contact_by_phone_or_by_user_id():
    contact = {"profile": {"name": "Budi"}, "user_id": "ID.1"}

    (message,) = read({"id": "wamid.1", "from_user_id": "ID.1", "type": "text"}, contacts=[contact])

    assert message == Message("wamid.1", None, "ID.1", "Budi", None)
    assert message.customer == "ID.1"


@pytest.mark.parametrize(
    "message",
    [{"id": "wamid.1", "from": "1", "type": "reaction"}, {"from": "1", "type": "text"}, {"id": "1", "type": "text"}, 7],
)
def test_what_needs_no_answer_is_left_alone(message):
    assert read(message) == []


def test_messages_to_another_line_are_left_alone():
    assert read({"id": "wamid.1", "from": "62812", "type": "text"}, line="999") == []


def test_the_signature_is_of_these_very_bytes():
    # openssl dgst -sha256 -hmac secret, of "{}"
    header = "sha256=77325902caca812dc259733aacd046b73817372c777b8d95b402647474516e13"

    assert signed_by_meta("secret", b"{}", header)
    assert not signed_by_meta("secret", b"{ }", header)
    assert not signed_by_meta("secret", b"{}", None)


# What waits, and who answers it


def message(number, customer="62812"):
    return Message(f"wamid.{number}", customer, None, None, f"{number}")


def test_a_message_is_kept_once_and_waits_until_it_is_settled(memory):
    assert memory.keep([message(1), message(2)]) == 2
    assert memory.keep([message(1)]) == 0

    assert memory.waiting(10) == [message(1)]
    memory.settle(message(1), "answered")
    assert memory.waiting(10) == [message(2)]


def test_the_oldest_of_each_customer_waits_first_but_for_those_being_answered(memory):
    memory.keep([message(1, "a"), message(2, "b"), message(3, "a"), message(4, "c")])

    assert memory.waiting(10, ["b"]) == [message(1, "a"), message(4, "c")]
    assert memory.waiting(1) == [message(1, "a")]


def test_what_was_said_comes_back_in_order(memory):
    for turn in range(30):
        memory.remember("62812", b"%d" % turn)

    assert memory.turns("62812") == [b"%d" % turn for turn in range(10, 30)]
    assert memory.turns("62813") == []


async def test_customers_are_answered_side_by_side_and_each_ones_messages_in_turn(memory):
    memory.keep([message(1, "a"), message(2, "a"), message(3, "b")])
    started, both, done = [], asyncio.Event(), asyncio.Event()

    class Flow:
        async def answer(self, found):
            started.append(found.id)
            if len(started) == 2:
                both.set()
            await both.wait()  # the first of each is under way at once
            memory.settle(found, "answered")
            if len(started) == 3:
                done.set()

    working = asyncio.create_task(Desk(memory, Flow()).run())
    await asyncio.wait_for(done.wait(), 10)
    working.cancel()

    assert started == ["wamid.1", "wamid.3", "wamid.2"]


def state_of(memory):
    with memory._open() as tables:
        return [state for (state,) in tables.execute("SELECT state FROM messages ORDER BY number")]


async def test_a_turn_that_fails_is_answered_with_an_apology(studio, memory):
    def breaks(_messages, _info):
        raise RuntimeError("model down")

    memory.keep([BUDI])
    cloud = Sent()

    await ReplyFlow(agent_of(FunctionModel(breaks)), studio, memory, cloud).answer(BUDI)

    assert cloud.replies == [("wamid.1", SORRY)]
    assert state_of(memory) == ["answered"]


async def test_a_picture_is_answered_without_the_model(studio, memory):
    memory.keep([BUDI._replace(text=None)])
    cloud = Sent()

    await ReplyFlow(agent_of(), studio, memory, cloud).answer(BUDI._replace(text=None))

    assert cloud.replies == [("wamid.1", TEXT_ONLY)]


async def test_a_reply_that_cannot_be_sent_is_settled_and_logged_without_its_words(studio, memory, caplog):
    memory.keep([BUDI._replace(text=None)])

    await ReplyFlow(agent_of(), studio, memory, Sent(ReplyNotSent("HTTP 400"))).answer(BUDI._replace(text=None))

    assert state_of(memory) == ["failed"]
    assert caplog.messages == ["no reply was sent: ReplyNotSent"]


# Replies


def settings(api_url, folder):
    given = {"WHATSAPP_APP_SECRET": "s", "WHATSAPP_TOKEN": "a-token-for-the-sandbox", "WHATSAPP_PHONE_NUMBER_ID": LINE}
    return Settings.of({**given, "WHATSAPP_API_URL": api_url, "BOT_DATA_DIR": str(folder)})


async def test_a_reply_is_tried_again_where_the_cloud_api_fails(meta_sandbox, tmp_path):
    meta_sandbox.fault("server_error", requests=1)

    async with Cloud(settings(meta_sandbox.graph_url, tmp_path)) as cloud:
        await cloud.reply(BUDI, "Siap kak!")

    assert [sent["text"] for sent in meta_sandbox.messages(to=BUDI.phone)] == ["Siap kak!"]


async def test_a_reply_that_is_refused_is_not_tried_again(meta_sandbox, tmp_path):
    async with Cloud(settings(meta_sandbox.graph_url, tmp_path)) as cloud:
        with pytest.raises(ReplyNotSent, match="HTTP 400"):
            await cloud.reply(BUDI, " ")

    assert len(meta_sandbox.requests()) == 1


def test_the_bot_says_where_it_listens_what_answers_and_who_is_told(tmp_path):
    said = greeting(settings("http://127.0.0.1:1", tmp_path), 8000, "http://127.0.0.1:3000")
    for part in ("http://127.0.0.1:8000/webhook", "A script answers", "http://127.0.0.1:1", "http://127.0.0.1:3000"):
        assert part in said
    alone = greeting(replace(settings("http://127.0.0.1:1", tmp_path), model="openai:gpt-5-mini"), 8000, None)
    assert "openai:gpt-5-mini answers" in alone
    assert "inside this process" in alone


def test_secrets_are_not_shown(tmp_path):
    assert "a-token-for-the-sandbox" not in repr(settings("http://127.0.0.1:1", tmp_path))


def test_a_missing_setting_is_named():
    with pytest.raises(KeyError, match="WHATSAPP_TOKEN"):
        Settings.of({"WHATSAPP_APP_SECRET": "s"})
