import asyncio
import contextvars
import threading

import pytest
from pydantic import ValidationError

import konversi
from konversi.agents import conversation as module
from konversi.agents.observer import Finished, Observer
from konversi.errors import StorageUnavailable
from konversi.events.conversion import Customer

BOOKED = {"booking_id": "BK-1"}
CLAIM = "Sudah kami booking ya kak"


def call(**changes):
    return Finished(**{"tool": "create_booking", "result": BOOKED, **changes})


def in_thread(work, context=None):
    thread = threading.Thread(target=work if context is None else lambda: context.run(work))
    thread.start()
    thread.join(10)


@pytest.mark.parametrize(
    ("given", "customer"),
    [
        ("0812", Customer(phone="0812")),
        ("ID.13491208655302741918", Customer(whatsapp_user_id="ID.13491208655302741918")),
        (Customer(name="Budi"), Customer(name="Budi")),
        ({"phone": "0812", "email": "budi@example.com"}, Customer(phone="0812", email="budi@example.com")),
    ],
)
def test_tool_calls_inside_take_the_customer_and_the_conversation(told, given, customer):
    with konversi.conversation(customer=given, id="chat-1"):
        Observer(via=told).saw(call(conversation="thread-7"))
    assert told.conversions[0].customer == customer
    assert (told.uses[0].customer, told.uses[0].conversation) == (customer, "chat-1")
    assert (told.turns[0].customer, told.turns[0].conversation) == (customer, "chat-1")


async def test_it_works_around_asynchronous_code_too(told):
    async with konversi.conversation("0812", "chat-1"):
        await Observer(via=told).saw_async(call())
    assert told.conversions[0].customer == Customer(phone="0812")
    assert told.turns[0].booked


def test_the_decorator_takes_them_too(told):
    @konversi.on_success("Lead", via=told)
    def create_booking():
        return BOOKED

    with konversi.conversation(customer="0812", id="chat-1"):
        create_booking()
    assert told.conversions[0].customer == Customer(phone="0812")
    assert told.uses[0].conversation == "chat-1"


def test_a_customer_that_the_tool_was_set_up_with_goes_before_it(told):
    with konversi.conversation(customer="0812"):
        Observer(via=told, customer="guest.phone").saw(call(arguments={"guest": {"phone": "0819"}}))
        Observer(via=told, customer="guest.phone").saw(call())
    assert [conversion.customer.phone for conversion in told.conversions] == ["0819", "0812"]


def test_the_person_in_the_chat_goes_before_a_number_that_the_model_wrote(told):
    with konversi.conversation(customer="0812-3456-7890"):
        Observer(via=told).saw(call(arguments={"phone": "0819-0000-0000", "name": "A friend"}))
        Observer(via=told).saw(call(arguments={"phone": "+62 812 3456 7890", "name": "Budi"}))
    friend, budi = [conversion.customer for conversion in told.conversions]
    assert friend == Customer(phone="0812-3456-7890")
    assert budi == Customer(phone="0812-3456-7890", name="Budi")


def test_a_turn_counts_calls_and_tells_whether_one_booked(told):
    with konversi.conversation(id="chat-1") as chat:
        for result in ({"status": "error"}, BOOKED):
            Observer(via=told).saw(call(result=result))
        Observer(via=told).saw(call(tool="check_slots"))
        chat.reply = CLAIM
    (turn,) = told.turns
    assert (turn.tools, turn.booked, turn.claimed, turn.conversation) == (3, True, True, "chat-1")
    assert turn.at > 1_600_000_000


def test_a_claim_without_a_booking_shows(told):
    with konversi.conversation(via=told) as chat:
        chat.reply = CLAIM
    with konversi.conversation(via=told) as chat:
        Observer(via=told).saw(call(tool="check_slots"))
        chat.reply = "Jam 10 masih kosong kak, mau saya bookingkan?"
    assert [(turn.tools, turn.booked, turn.claimed) for turn in told.turns] == [(0, False, True), (1, False, False)]


def test_the_reply_itself_is_kept_nowhere(told):
    with konversi.conversation(via=told) as chat:
        chat.reply = "Sudah kami booking, 0812-secret"
    assert "secret" not in told.turns[0].model_dump_json()


def test_where_nothing_happened_or_the_code_failed_no_turn_is_told(told):
    with konversi.conversation("0812", via=told):
        pass
    chat = konversi.conversation("0812", via=told)
    chat.reply = CLAIM
    with pytest.raises(LookupError), chat:
        raise LookupError
    assert told.turns == []


def test_it_ends_where_the_block_ends(told):
    with konversi.conversation("0812", "outer"):
        with konversi.conversation("0813", "inner"):
            Observer(via=told).saw(call())
        Observer(via=told).saw(call())
    Observer(via=told).saw(call())
    assert [conversion.customer.phone for conversion in told.conversions] == ["0813", "0812", None]
    assert [turn.conversation for turn in told.turns] == ["inner", "outer"]
    assert module._open == {}


async def test_chats_at_the_same_time_do_not_mix(told):
    both = asyncio.Barrier(2)

    async def chat(phone):
        async with konversi.conversation(phone, id=phone):
            await both.wait()
            await Observer(via=told).saw_async(call())

    await asyncio.gather(chat("0812"), chat("0813"))
    assert {(use.customer.phone, use.conversation) for use in told.uses} == {("0812", "0812"), ("0813", "0813")}
    assert [turn.tools for turn in told.turns] == [1, 1]


async def test_a_tool_in_a_worker_thread_is_inside(told):
    async with konversi.conversation("0812"):
        await asyncio.to_thread(Observer(via=told).saw, call())
    assert told.conversions[0].customer == Customer(phone="0812")
    assert told.turns[0].booked


def test_a_thread_with_a_copied_context_is_inside(told):
    with konversi.conversation("0812"):
        in_thread(lambda: Observer(via=told).saw(call()), contextvars.copy_context())
    assert told.conversions[0].customer == Customer(phone="0812")


def test_a_bare_thread_is_inside_where_its_framework_names_the_same_conversation(told):
    with konversi.conversation("0812", id="chat-1"):
        in_thread(lambda: Observer(via=told).saw(call(conversation="chat-1")))
        in_thread(lambda: Observer(via=told).saw(call(conversation="chat-2")))
        in_thread(lambda: Observer(via=told).saw(call()))
    assert [conversion.customer.phone for conversion in told.conversions] == ["0812", None, None]
    assert told.turns[0].tools == 1


def test_without_an_id_the_frameworks_own_conversation_is_the_turns(told):
    with konversi.conversation("0812"):
        Observer(via=told).saw(call(conversation="thread-7"))
    assert (told.uses[0].conversation, told.turns[0].conversation) == ("thread-7", "thread-7")


def test_leaving_it_in_another_context_hurts_nobody(told):
    chat = konversi.conversation("0812", via=told)
    contextvars.copy_context().run(chat.__enter__)
    chat.reply = CLAIM
    chat.__exit__(None, None, None)
    assert len(told.turns) == 1


@pytest.mark.parametrize("given", [object(), [], True, "x" * 501, {"phone": "\x00"}])
def test_a_customer_that_can_not_be_used_is_none_and_logged(told, logged, given):
    with konversi.conversation(customer=given, via=told):
        Observer(via=told).saw(call())
    assert told.conversions[0].customer == Customer()
    assert [line["event"] for line in logged] == ["conversation_incomplete"]
    assert "xxx" not in repr(logged)


def test_an_id_that_can_not_be_kept_is_left_out_and_logged(told, logged):
    with konversi.conversation("0812", id="x" * 201, via=told) as chat:
        chat.reply = CLAIM
    assert told.turns[0].conversation is None
    assert logged[-1]["parts"] == ("conversation",)


@pytest.mark.parametrize("error", [StorageUnavailable("0812-secret"), ValidationError.from_exception_data("x", [])])
def test_a_turn_that_can_not_be_recorded_is_logged(told, logged, error):
    def turn(_):
        raise error

    told.turn = turn
    with konversi.conversation(via=told) as chat:
        chat.reply = CLAIM
    assert [line["event"] for line in logged] == ["turn_not_recorded"]
    assert "0812" not in repr(logged)


async def test_a_tracker_that_knows_no_turns_is_enough(logged):
    class Plain:
        def submit(self, conversion): ...

    async with konversi.conversation(via=Plain()) as chat:
        chat.reply = CLAIM
    assert logged == []


async def test_without_any_tracker_it_goes_to_the_processs_own(told, monkeypatch):
    import konversi.client

    monkeypatch.setattr(konversi.client, "opened_tracker", lambda: None)
    monkeypatch.setattr(konversi.client, "default_tracker", lambda: told)
    with konversi.conversation() as chat:
        chat.reply = CLAIM
    async with konversi.conversation() as chat:
        chat.reply = CLAIM
    assert len(told.turns) == 2
