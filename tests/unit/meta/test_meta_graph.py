"""The Graph client against a server on this machine that misbehaves as it is told."""

import asyncio
import hashlib
import hmac
import json
from contextlib import asynccontextmanager

import pytest

from konversi.meta import graph
from konversi.meta.answers import Kind
from konversi.meta.graph import Credentials, GraphClient

TO = Credentials("12345", "EAAsecrettoken")
OK = b'{"events_received":1,"messages":[],"fbtrace_id":"T"}'


def answer(body=OK, status="200 OK", headers=""):
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode()
        + body
    )


class Server:
    def __init__(self, behave):
        self.behave = behave
        self.heads = []
        self.bodies = []

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    (
                        int(line.split(":")[1])
                        for line in head.split("\r\n")
                        if line.lower().startswith("content-length")
                    ),
                    0,
                )
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                await self.behave(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def a_meta(behave):
    server = Server(behave)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        async with GraphClient(f"http://127.0.0.1:{port}", "v26.0") as client:
            yield server, client
    finally:
        listening.close()


def says(*answers):
    pending = list(answers)

    async def behave(writer):
        writer.write(pending.pop(0) if len(pending) > 1 else pending[0])
        await writer.drain()

    return behave


async def post(client, to=TO, data=b'{"event_id":"1"}', test_code=None):
    return await client.send(to, data, events=1, test_code=test_code)


async def test_a_batch_arrives_as_meta_wants_it():
    async with a_meta(says(answer())) as (server, client):
        sent = await client.send(TO, b'{"event_id":"1"},{"event_id":"2"}', events=1, test_code=None)
        assert sent.verdict.kind is Kind.DELIVERED
        assert server.heads[0].startswith("POST /v26.0/12345/events HTTP/1.1\r\n")
        assert json.loads(server.bodies[0]) == {"data": [{"event_id": "1"}, {"event_id": "2"}]}
        assert "content-type: application/json" in server.heads[0].lower()


async def test_the_token_travels_in_the_header_only():
    async with a_meta(says(answer())) as (server, client):
        await post(client)
        head, body = server.heads[0], server.bodies[0]
        assert "authorization: Bearer EAAsecrettoken" in head.replace("Authorization", "authorization")
        assert head.count("EAAsecrettoken") == 1
        assert "EAAsecrettoken" not in head.split("\r\n")[0]
        assert b"EAAsecrettoken" not in body


async def test_the_test_code_stands_beside_the_events_never_in_them():
    async with a_meta(says(answer())) as (server, client):
        await post(client, test_code='TE"ST')
        assert json.loads(server.bodies[0]) == {"data": [{"event_id": "1"}], "test_event_code": 'TE"ST'}


async def test_the_proof_is_sent_where_there_is_an_app_secret():
    async with a_meta(says(answer())) as (server, client):
        await post(client, TO._replace(app_secret="app-secret"))
        proof = hmac.new(b"app-secret", b"EAAsecrettoken", hashlib.sha256).hexdigest()
        assert json.loads(server.bodies[0])["appsecret_proof"] == proof
        assert b"app-secret" not in server.bodies[0]


async def test_an_error_is_judged_and_the_headers_are_read():
    body = b'{"error":{"code":4,"message":"x"}}'
    headers = 'x-app-usage: {"call_count":99}\r\nretry-after: 120\r\ndate: Mon, 23 Nov 2026 10:00:00 GMT\r\n'
    async with a_meta(says(answer(body, "400 Bad Request", headers))) as (_, client):
        sent = await post(client)
        assert (sent.verdict.kind, sent.usage.percent, sent.usage.wait) == (Kind.THROTTLED, 99.0, 120.0)
        assert sent.clock == 1_795_428_000.0


async def test_a_refused_connection_means_not_sent(unused_port):
    async with GraphClient(f"http://127.0.0.1:{unused_port}", "v26.0") as client:
        sent = await post(client)
        assert sent.verdict.kind is Kind.NOT_SENT
        assert "EAA" not in sent.verdict.reason


async def test_a_name_that_is_nowhere_means_not_sent():
    async with GraphClient("http://nowhere.invalid", "v26.0") as client:
        assert (await post(client)).verdict.kind is Kind.NOT_SENT


async def test_a_connection_cut_after_the_request_is_in_doubt():
    async def cut(writer):
        writer.transport.abort()

    async with a_meta(cut) as (server, client):
        assert (await post(client)).verdict.kind is Kind.IN_DOUBT
        assert len(server.bodies) == 1  # nothing is sent twice behind our back


async def test_a_connection_closed_in_the_middle_of_the_answer_is_in_doubt():
    async def half(writer):
        writer.write(answer()[:-10])
        await writer.drain()
        writer.transport.abort()

    async with a_meta(half) as (_, client):
        assert (await post(client)).verdict.kind is Kind.IN_DOUBT


async def test_nonsense_instead_of_http_is_in_doubt():
    async with a_meta(says(b"what is this\r\n\r\n")) as (_, client):
        assert (await post(client)).verdict.kind is Kind.IN_DOUBT


async def test_a_server_that_says_nothing_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(graph, "_TOTAL_SECONDS", 0.2)
    over = asyncio.Event()

    async def hang(_):
        await over.wait()

    async with a_meta(hang) as (_, client):
        async with asyncio.timeout(3):
            assert (await post(client)).verdict.kind is Kind.IN_DOUBT
        over.set()


async def test_a_server_that_drips_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(graph, "_TOTAL_SECONDS", 0.3)

    async def drip(writer):
        for byte in answer():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    async with a_meta(drip) as (_, client):
        async with asyncio.timeout(3):
            assert (await post(client)).verdict.kind is Kind.IN_DOUBT


@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
)
async def test_a_redirect_is_never_followed(status):
    elsewhere = []

    async def catch(reader, writer):
        elsewhere.append(await reader.read(10))
        writer.close()

    other = await asyncio.start_server(catch, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    async with a_meta(says(answer(b"", status, f"location: http://127.0.0.1:{port}/\r\n"))) as (server, client):
        verdict = (await post(client)).verdict
        assert verdict.kind is Kind.PAUSED
        assert "redirect" in verdict.reason
        assert len(server.heads) == 1
    other.close()
    assert elsewhere == []


async def test_an_endless_answer_is_cut_off():
    written = 0

    async def flood(writer):
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n")
        for _ in range(2_000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            written += 100_000

    async with a_meta(flood) as (_, client):
        sent = await post(client)
        assert sent.verdict.kind is Kind.IN_DOUBT
        assert len(sent.verdict.answer) <= 2_000
    assert written < 50_000_000


async def test_a_connection_is_used_again_after_an_answer_and_dropped_after_a_fault():
    async with a_meta(says(answer(), answer(b"<html>", "502 Bad Gateway"), answer())) as (server, client):
        kinds = [(await post(client)).verdict.kind for _ in range(3)]
        assert kinds == [Kind.DELIVERED, Kind.IN_DOUBT, Kind.DELIVERED]
        assert len(server.heads) == 3


async def test_a_token_that_no_header_can_hold_never_leaves():
    async with a_meta(says(answer())) as (server, client):
        sent = await post(client, TO._replace(token="EAA\r\nx: y"))
        assert sent.verdict.kind is Kind.NOT_SENT
        assert server.heads == []


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2026 10:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 -0000"])
async def test_a_date_that_makes_no_sense_is_no_date(date):
    async with a_meta(says(answer(headers=f"date: {date}\r\n"))) as (_, client):
        sent = await post(client)
        assert sent.verdict.kind is Kind.DELIVERED


async def test_looking_asks_for_the_dataset_and_sends_nothing():
    async with a_meta(says(answer(b'{"id":"12345","name":"Spa"}'))) as (server, client):
        assert (await client.look(TO)).verdict.kind is Kind.DELIVERED
        assert server.heads[0].startswith("GET /v26.0/12345?fields=id,name ")
        assert server.bodies == [b""]


async def test_looking_with_a_bad_token_says_so():
    body = b'{"error":{"code":190,"message":"Cannot parse access token"}}'
    async with a_meta(says(answer(body, "401 Unauthorized"))) as (_, client):
        assert (await client.look(TO)).verdict.kind is Kind.PAUSED


def test_credentials_print_no_secret():
    text = f"{TO._replace(app_secret='app-secret')!r} {TO!s}"
    assert "secret" not in text
    assert "12345" in text
