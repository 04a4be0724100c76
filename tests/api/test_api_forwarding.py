"""Standing in front of the user's own bot: each call gets there as it came, however that bot is doing."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import asynccontextmanager

import pytest
from api_chats import (
    APP_SECRET,
    SECRETS,
    WHATSAPP,
    as_json,
    bot,
    kept_bytes,
    listed,
    message,
    message_in,
    now,
    rows,
    signature,
    signed,
    until,
    whatsapp,
)
from api_harness import PATIENCE, PIXEL, TOKEN, answer_of, running

from konversi.database.sealed import Seal
from konversi.errors import StorageUnavailable
from konversi.intake.call import SEALED_AS, Call
from konversi.intake.forward import Forwarder
from konversi.intake.whatsapp import samples
from konversi.journeys.port import Forward
from konversi.settings import load

DAY = 86_400


@pytest.fixture
def ahead_of(tmp_path):
    """`ahead_of(url)`: a gateway in front of a bot, always with the same data."""

    def make(url, **changed):
        given = {"pixel_id": PIXEL, "token": TOKEN, "data_dir": tmp_path, **SECRETS, **changed}
        return running(load(whatsapp_forward_url=url, **given))

    return make


@pytest.fixture
def data(tmp_path):
    return tmp_path


def waiting(data):
    """What is still to be handed on: how often each was tried, and why it isn't there."""
    return rows(data, "SELECT tries, reason FROM forwards ORDER BY id")


def silent_port():
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_call_reaches_the_bot_byte_for_byte_with_its_signature(ahead_of, data):
    body = samples.as_sent(message(headline="Cat \N{RACING MOTORCYCLE}")).replace(b'"text"', b' "text" ')
    headers = {**signed(body), "x-hub-signature": "sha1=abc", "cookie": "private=1", "authorization": "Bearer x"}
    with bot() as own, ahead_of(f"{own.url}?a=b%20c") as server, server.client() as http:
        assert http.post(WHATSAPP, content=body, headers=headers).json()["received"] == 1
        ((path, got, sent),) = until(lambda: list(own.got), "it was handed on")
        assert path == "/hook?a=b%20c"
        assert sent == body
        assert got["x-hub-signature-256"] == signature(sent, APP_SECRET)
        assert (got["content-type"], got["user-agent"]) == ("application/json", "facebookexternalua")
        assert got["x-hub-signature"] == "sha1=abc"
        assert not {"cookie", "authorization"} & set(got)
        until(lambda: not waiting(data), "it is forgotten")


@pytest.mark.parametrize(
    "body",
    [
        as_json(message(name="\N{RACING MOTORCYCLE} Ñandú")),
        samples.as_sent(message(headline="HERE")).replace(b'"HERE"', b'"\\ud83c"'),
        samples.as_sent(message(headline="HERE")).replace(b'"HERE"', b'"\xed\xa0\xbc\xff"'),
        b'{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"flows","value":{}}]}]}',
        b"{}",
        b' \n[1, 2.50, "\\u00e9"]\n ',
    ],
)
def test_whatever_can_be_read_is_handed_on_without_a_changed_byte(ahead_of, body):
    with bot() as own, ahead_of(own.url) as server, server.client() as http:
        assert whatsapp(http, body).status_code == 200
        assert until(lambda: own.bodies, "it was handed on") == [body]


def test_a_header_that_is_not_ascii_stops_nothing(ahead_of):
    body, second = samples.as_sent(message()), samples.as_sent(message())
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: caf\xe9 \xff\r\n" % WHATSAPP.encode()
    head += b"X-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n" % (signature(body).encode(), len(body))
    with bot() as own, ahead_of(own.url) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
            caller.sendall(head + body)
            assert answer_of(caller).startswith(b"HTTP/1.1 200")
        with server.client() as http:
            assert whatsapp(http, second).status_code == 200
            until(lambda: sorted(own.bodies) == sorted([body, second]), "both were handed on")


def test_a_call_that_is_not_metas_is_never_handed_on(ahead_of, data):
    with bot() as own, ahead_of(own.url) as server, server.client() as http:
        body = samples.as_sent(message())
        assert http.post(WHATSAPP, content=body, headers=signed(body, "another")).status_code == 401
        assert whatsapp(http, b"not json").status_code == 400
        assert whatsapp(http, message()).status_code == 200
        until(lambda: own.got, "the good one was handed on")
        assert len(own.got) == 1


def test_metas_repeat_is_handed_on_once_and_statuses_each_time(ahead_of):
    call = message()
    status = b'{"entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[{"id":"wamid.1"}]}}]}]}'
    with bot() as own, ahead_of(own.url) as server, server.client() as http:
        for one in (call, call, status, status, call):
            assert whatsapp(http, one).status_code == 200
        until(lambda: len(own.got) >= 3, "they were handed on")
        assert sorted(own.bodies) == sorted([samples.as_sent(call), status, status])


def test_a_bot_that_is_down_does_not_change_our_answer_and_gets_the_call_when_it_is_up(ahead_of, data):
    port = silent_port()
    call = message()
    with ahead_of(f"http://127.0.0.1:{port}/hook") as server, server.client() as http:
        began = time.monotonic()
        assert whatsapp(http, call).json() == {"received": 1, "repeated": 0, "ignored": 0}
        assert time.monotonic() - began < 2
        assert len(listed(http)) == 1
        until(lambda: waiting(data) and waiting(data)[0][0] >= 1, "it was tried")
        assert waiting(data)[0][1] == "ConnectError"
        with bot(port) as own:
            until(lambda: own.got, "it was handed on")
            until(lambda: not waiting(data), "it is forgotten")
            assert own.bodies == [samples.as_sent(call)]


def test_a_call_outlives_the_gateway(ahead_of, data):
    port = silent_port()
    calls = [message() for _ in range(5)]
    with ahead_of(f"http://127.0.0.1:{port}/hook") as server, server.client() as http:
        for call in calls:
            whatsapp(http, call)
    assert len(waiting(data)) == 5
    with bot(port) as own, ahead_of(own.url):
        until(lambda: len(own.got) == 5, "all were handed on")
        assert sorted(own.bodies) == sorted(map(samples.as_sent, calls))
        until(lambda: not waiting(data), "they are forgotten")


def test_nothing_of_a_waiting_call_can_be_read_on_disk(ahead_of, data):
    call = message(text="rahasia sekali", name="Budi Rahasia", phone="+628998877665", message_id="wamid.rahasia")
    with ahead_of(f"http://127.0.0.1:{silent_port()}/hook") as server, server.client() as http:
        whatsapp(http, call)
        assert len(waiting(data)) == 1
    kept = kept_bytes(data)
    sealed = rows(data, "SELECT sealed FROM forwards")[0][0]
    assert sealed in kept
    for part in (
        b"rahasia",
        b"Rahasia",
        b"628998877665",
        b"facebookexternalua",
        signature(samples.as_sent(call)).encode(),
    ):
        assert part not in kept


def test_a_slow_bot_does_not_slow_our_answers(ahead_of):
    with bot() as own, ahead_of(own.url) as server, server.client() as http:
        own.hold = threading.Event()
        calls = [message() for _ in range(30)]
        began = time.monotonic()
        for call in calls:
            assert whatsapp(http, call).status_code == 200
        assert time.monotonic() - began < 3
        until(lambda: own.got, "the bot works on one")
        own.hold.set()
        until(lambda: len(own.got) == 30, "all were handed on")
        assert sorted(own.bodies) == sorted(map(samples.as_sent, calls))


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 429, 500, 503])
def test_a_bot_that_does_not_take_a_call_gets_it_again(ahead_of, data, status, caplog):
    with bot() as own, bot() as other, ahead_of(own.url) as server, server.client() as http:
        own.status, own.headers = status, {"location": other.url}
        call = message()
        whatsapp(http, call)
        until(lambda: waiting(data) and waiting(data)[0] == (1, f"HTTP {status}"), "it was refused")
        assert other.got == []  # a redirect would hand customers' messages to strangers
        until(lambda: "webhook_not_forwarded" in caplog.text, "the log says so")
        own.status = 204
        until(lambda: not waiting(data), "it was taken")
        assert set(own.bodies) == {samples.as_sent(call)}
        assert other.got == []


@pytest.mark.parametrize("path", ["/api/webhook/", "/", ""])
def test_the_bots_address_is_called_as_it_was_written(ahead_of, path):
    with bot() as own, ahead_of(f"http://127.0.0.1:{own.port}{path}") as server, server.client() as http:
        whatsapp(http, message())
        until(lambda: own.got, "it was handed on")
        assert own.got[0][0] == (path or "/")


def test_without_a_forward_address_nothing_is_kept(data):
    with running(load(pixel_id=PIXEL, token=TOKEN, data_dir=data, **SECRETS)) as server, server.client() as http:
        whatsapp(http, message())
        assert waiting(data) == []


def test_nothing_of_a_call_is_logged(ahead_of, data, caplog):
    call = message(text="rahasia sekali", phone="+628998877665", message_id="wamid.rahasia")
    with ahead_of(f"http://127.0.0.1:{silent_port()}/rahasia-path?token=rahasia") as server, server.client() as http:
        whatsapp(http, call)
        until(lambda: waiting(data) and waiting(data)[0][0] >= 1, "it was tried")
    assert "webhook_not_forwarded" in caplog.text
    for part in ("rahasia", "628998877665"):
        assert part not in caplog.text


# The forwarder alone, with a clock and a storage that do as told.


class Clock:
    def __init__(self):
        self.time = float(now())

    def now(self):
        return self.time

    def jitter(self):
        return 0.5


class Kept:
    """Stands for the store: calls that are due, and what was said of them."""

    def __init__(self, clock, *forwards):
        self.clock = clock
        self.forwards = {one.id: one for one in forwards}
        self.when = dict.fromkeys(self.forwards, clock.now())
        self.settled = []
        self.reasons = []
        self.fails = 0

    def _maybe_fail(self):
        if self.fails:
            self.fails -= 1
            raise StorageUnavailable("disk full")

    def _in_order(self):
        return sorted(self.forwards.values(), key=lambda one: (self.when[one.id], one.id))

    async def due(self, limit, without=()):
        self._maybe_fail()
        due = [one for one in self._in_order() if self.when[one.id] <= self.clock.now() and one.id not in without]
        return due[:limit]

    async def soonest(self):
        return next(iter(self._in_order()), None)

    async def next_due(self):
        return min(self.when.values(), default=None)

    async def revive(self):
        self.when = {forward: min(at, self.clock.now()) for forward, at in self.when.items()}

    async def give_up(self, before):
        old = [one.id for one in self.forwards.values() if one.received_at < before]
        for forward in old:
            del self.forwards[forward], self.when[forward]
        return len(old)

    async def done(self, forward):
        self._maybe_fail()
        self.settled.append(forward)
        del self.forwards[forward], self.when[forward]

    async def put_off(self, forward, due_at, reason):
        self._maybe_fail()
        self.forwards[forward] = self.forwards[forward]._replace(tries=self.forwards[forward].tries + 1)
        self.when[forward] = due_at
        self.reasons.append((due_at - self.clock.now(), reason))


SEAL = Seal(b"s" * 32)


def kept_call(number, at, body=b"{}"):
    packed = Call.of({b"content-type": b"application/json"}, body).packed()
    return Forward(number, at, 0, SEAL.close(packed, SEALED_AS))


async def until_true(condition, forwarder, clock=None, step=0.0):
    """Wait; the clock goes on meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            if clock is not None:
                clock.time += step
            forwarder.wake()
            await asyncio.sleep(0.01)


async def test_a_call_is_given_up_after_seven_days_and_said_so(caplog):
    clock = Clock()
    kept = Kept(clock, kept_call(1, clock.now()))
    received = clock.now()
    forwarder = Forwarder(kept, SEAL, f"http://127.0.0.1:{silent_port()}/hook", clock=clock)
    running_ = asyncio.create_task(forwarder.run())
    try:
        await until_true(lambda: kept.reasons, forwarder)
        clock.time = received + 7 * DAY - 1
        kept.when[1] = clock.now()
        before = len(kept.reasons)
        await until_true(lambda: len(kept.reasons) > before, forwarder)
        assert kept.settled == []
        assert "webhook_given_up" not in caplog.text
        clock.time = received + 7 * DAY
        kept.when[1] = clock.now()
        await until_true(lambda: kept.settled == [1], forwarder)
        assert "webhook_given_up" in caplog.text
    finally:
        running_.cancel()


async def test_the_pauses_grow_to_an_hour_and_no_further():
    clock = Clock()
    kept = Kept(clock, kept_call(1, clock.now()))
    forwarder = Forwarder(kept, SEAL, f"http://127.0.0.1:{silent_port()}/hook", clock=clock)
    running_ = asyncio.create_task(forwarder.run())
    try:
        await until_true(lambda: len(kept.reasons) >= 10, forwarder, clock, step=400.0)
    finally:
        running_.cancel()
    pauses = [pause for pause, _ in kept.reasons]
    assert pauses[0] < 1.5
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(3_600 * 0.75)


@pytest.mark.parametrize("fails", [1, 2, 3])
async def test_a_storage_that_fails_ends_no_forwarder(monkeypatch, fails, caplog):
    from konversi.intake import forward

    monkeypatch.setattr(forward, "_PAUSES", (0.01,) * 7)
    clock = Clock()
    with bot() as own:
        kept = Kept(clock, *(kept_call(n, clock.now()) for n in range(3)))
        kept.fails = fails
        forwarder = Forwarder(kept, SEAL, own.url, clock=clock)
        running_ = asyncio.create_task(forwarder.run())
        try:
            await until_true(lambda: sorted(kept.settled) == [0, 1, 2] or running_.done(), forwarder)
            assert not running_.done(), running_
        finally:
            running_.cancel()


async def test_a_storage_that_fails_when_a_call_was_taken_ends_no_forwarder(monkeypatch):
    from konversi.intake import forward

    monkeypatch.setattr(forward, "_PAUSES", (0.01,) * 7)
    clock = Clock()
    with bot() as own:
        own.hold = threading.Event()
        kept = Kept(clock, *(kept_call(n, clock.now()) for n in range(3)))
        forwarder = Forwarder(kept, SEAL, own.url, clock=clock)
        running_ = asyncio.create_task(forwarder.run())
        try:
            await until_true(lambda: len(own.got) == 3, forwarder)
            kept.fails = 2
            own.hold.set()
            await until_true(lambda: sorted(kept.settled) == [0, 1, 2] or running_.done(), forwarder)
            assert not running_.done(), running_
        finally:
            running_.cancel()


async def test_a_call_that_can_not_be_decrypted_any_more_stops_no_other():
    clock = Clock()
    with bot() as own:
        broken = Forward(1, clock.now(), 0, b"\x01" + b"x" * 60)
        kept = Kept(clock, broken, kept_call(2, clock.now(), b'{"good":1}'))
        forwarder = Forwarder(kept, SEAL, own.url, clock=clock)
        running_ = asyncio.create_task(forwarder.run())
        try:
            await until_true(lambda: kept.settled == [2], forwarder)
            assert own.bodies == [b'{"good":1}']
            assert [reason for _, reason in kept.reasons] == ["seal_broken"]
        finally:
            running_.cancel()


async def test_one_call_that_hangs_holds_up_no_others(monkeypatch):
    clock = Clock()
    with bot() as own:
        own.hold = threading.Event()
        kept = Kept(clock, kept_call(1, clock.now(), b"1"))
        forwarder = Forwarder(kept, SEAL, own.url, clock=clock)
        running_ = asyncio.create_task(forwarder.run())
        try:
            await until_true(lambda: own.got, forwarder)
            hold, own.hold = own.hold, None
            kept.forwards[2], kept.when[2] = kept_call(2, clock.now(), b"2"), clock.now()
            began = time.monotonic()
            await until_true(lambda: 2 in kept.settled, forwarder)
            assert time.monotonic() - began < 3
        finally:
            hold.set()
            running_.cancel()


async def test_a_call_that_arrives_while_the_next_ones_are_looked_up_is_not_handed_on_again():
    clock = Clock()
    with bot() as own:
        kept = Kept(clock, kept_call(1, clock.now()))
        look = kept.due

        async def slowly(limit, without):
            found = await look(limit, without)
            async with asyncio.timeout(PATIENCE):
                while found and own.got and not kept.settled:
                    await asyncio.sleep(0.005)
            return found

        kept.due = slowly
        own.hold = threading.Event()
        forwarder = Forwarder(kept, SEAL, own.url, clock=clock)
        running_ = asyncio.create_task(forwarder.run())
        try:
            await until_true(lambda: own.got, forwarder)
            forwarder.wake()
            await asyncio.sleep(0.05)
            own.hold.set()
            await until_true(lambda: kept.settled == [1], forwarder)
            await asyncio.sleep(0.05)
            assert len(own.got) == 1
        finally:
            running_.cancel()


@asynccontextmanager
async def forwarding(kept, url, clock):
    forwarder = Forwarder(kept, SEAL, url, clock=clock)
    running_ = asyncio.create_task(forwarder.run())
    try:
        yield forwarder
    finally:
        running_.cancel()


async def test_while_the_bot_is_down_one_call_at_a_time_finds_out_whether_it_is_up():
    clock = Clock()
    kept = Kept(clock, *(kept_call(n, clock.now()) for n in range(200)))
    async with forwarding(kept, f"http://127.0.0.1:{silent_port()}/hook", clock) as forwarder:
        await until_true(lambda: len(kept.reasons) >= 3, forwarder)
        for probes in range(1, 11):
            clock.time += 30
            await until_true(lambda: len(kept.reasons) >= 3 + probes, forwarder)  # noqa: B023 - called at once
    assert len(kept.reasons) <= 16 + 10


async def test_a_new_call_is_not_tried_at_once_while_the_bot_is_known_to_be_down():
    clock = Clock()
    kept = Kept(clock, *(kept_call(n, clock.now()) for n in range(3)))
    async with forwarding(kept, f"http://127.0.0.1:{silent_port()}/hook", clock) as forwarder:
        await until_true(lambda: len(kept.reasons) == 3, forwarder)
        kept.forwards[9], kept.when[9] = kept_call(9, clock.now()), clock.now()
        await until_true(lambda: not forwarder._something.is_set(), forwarder)
        assert kept.forwards[9].tries == 0
        clock.time += 1
        await until_true(lambda: kept.forwards[9].tries == 1, forwarder)
        assert len(kept.reasons) == 4


async def test_what_waited_out_an_outage_goes_on_with_the_first_call_that_the_bot_takes():
    clock = Clock()
    port = silent_port()
    kept = Kept(clock, *(kept_call(n, clock.now(), b"%d" % n) for n in range(40)))
    async with forwarding(kept, f"http://127.0.0.1:{port}/hook", clock) as forwarder:
        for _ in range(60):
            before = len(kept.reasons)
            clock.time += 60
            await until_true(lambda: len(kept.reasons) > before, forwarder)  # noqa: B023 - called at once
        for one in kept.when:
            kept.when[one] = clock.now() + 3_600
        with bot(port) as own:
            clock.time += 30
            await until_true(lambda: len(kept.settled) == 40, forwarder, clock, step=0.5)
            assert sorted(own.bodies) == sorted(b"%d" % n for n in range(40))


async def test_two_calls_that_wait_for_an_hour_go_with_a_new_one_that_is_taken():
    clock = Clock()
    port = silent_port()
    kept = Kept(clock, kept_call(1, clock.now()), kept_call(2, clock.now()))
    async with forwarding(kept, f"http://127.0.0.1:{port}/hook", clock) as forwarder:
        await until_true(lambda: len(kept.reasons) >= 14, forwarder, clock, step=400.0)
        with bot(port):
            assert min(kept.when.values()) > clock.now()
            kept.forwards[3], kept.when[3] = kept_call(3, clock.now()), clock.now()
            await until_true(lambda: sorted(kept.settled) == [1, 2, 3], forwarder)


async def test_a_call_that_the_bot_never_takes_holds_up_no_other_and_keeps_its_pauses():
    clock = Clock()
    with bot() as own:
        own.refused = b"poison"
        kept = Kept(clock, kept_call(1, clock.now(), b"poison"))
        async with forwarding(kept, own.url, clock) as forwarder:
            for number in range(2, 60):
                kept.forwards[number], kept.when[number] = kept_call(number, clock.now()), clock.now()
                await until_true(lambda: number in kept.settled, forwarder)  # noqa: B023 - called at once
                clock.time += 1
            assert own.bodies.count(b"poison") <= 5  # after 0, 1, 5, 30 seconds: as if it were alone


async def test_calls_that_grew_too_old_while_the_bot_was_down_are_let_go_together(caplog):
    clock = Clock()
    kept = Kept(clock, *(kept_call(n, clock.now()) for n in range(100)))
    async with forwarding(kept, f"http://127.0.0.1:{silent_port()}/hook", clock) as forwarder:
        await until_true(lambda: len(kept.reasons) >= 3, forwarder)
        clock.time += 7 * DAY + 1
        await until_true(lambda: not kept.forwards, forwarder)
    assert "webhook_given_up calls=" in caplog.text
    assert len(kept.reasons) <= 16


def test_where_too_many_calls_wait_a_new_one_is_kept_but_not_handed_on_and_that_is_said(ahead_of, data, caplog):
    port = silent_port()
    with ahead_of(f"http://127.0.0.1:{port}/hook") as server, server.client() as http:
        server.gateway.journeys._most_forwards = 2
        for _ in range(5):
            assert whatsapp(http, message()).json() == {"received": 1, "repeated": 0, "ignored": 0}
        assert len(listed(http)) == 5
        assert len(waiting(data)) == 2
        told = http.get("/metrics").text
        assert '\nkonversi_forwards_dropped_total{process="0"} 3.0\n' in told
        assert "\nkonversi_forwards_waiting 2.0\n" in told
        assert caplog.text.count("webhooks_not_kept") == 1
        with bot(port) as own:
            until(lambda: not waiting(data), "the two were handed on")
            whatsapp(http, message())
            until(lambda: len(own.got) == 3, "there is room again")


def test_the_messages_click_is_known_although_the_bot_never_comes_up(ahead_of):
    call = message()
    with ahead_of(f"http://127.0.0.1:{silent_port()}/hook") as server, server.client() as http:
        whatsapp(http, call)
        assert len(listed(http, ad_id=message_in(call)["referral"]["source_id"])) == 1
