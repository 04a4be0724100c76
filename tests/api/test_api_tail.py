"""The stream of what happens: told as it happens, by filter, for few listeners, and over when the server stops."""

import asyncio
import json
import time
from contextlib import contextmanager

import httpx2
import pytest
from api_harness import FakeMeta, lead, running

from konversi.insight import tail

PATHS = ["/v1/tail", "/tail"]


@pytest.fixture
def gateway(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(tail, "_LOOK_EVERY", 0.02)
    monkeypatch.setattr(tail, "_LONGEST", 60.0)
    with running(settings(database_url=f"sqlite:///{tmp_path / 'tail.db'}"), meta=FakeMeta()) as server:
        yield server


@contextmanager
def listening(gateway, path="/v1/tail", **wanted):
    accept = {"accept": "text/event-stream"}
    with gateway.client() as client, client.stream("GET", path, params=wanted, headers=accept) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        gateway.call(_looking(gateway.gateway.tail))
        yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))


async def _looking(of):
    """Once the first look was made: what happens from then on is told."""
    async with asyncio.timeout(5):
        while not of.looks:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", PATHS)
def test_what_happens_to_an_event_is_told_as_it_happens(gateway, path):
    with listening(gateway, path) as told, gateway.client() as client:
        client.post("/v1/events", json=lead(event_id="Lead:now"))
        assert [(one["what"], one["event_id"]) for one in (next(told), next(told))] == [
            ("accepted", "Lead:now"),
            ("delivered", "Lead:now"),
        ]


def test_a_listener_hears_what_it_asked_for(gateway):
    with listening(gateway, what="delivered", event="Purchase") as told, gateway.client() as client:
        client.post("/v1/events", json=lead(event_id="Lead:1"))
        client.post("/v1/events", json={**lead(event_id="Purchase:1"), "event": "Purchase", "value": 5})
        assert next(told)["event_id"] == "Purchase:1"


def test_listeners_are_few_and_the_next_is_told_so(gateway, monkeypatch):
    monkeypatch.setattr(tail, "_MOST_LISTENERS", 1)
    with listening(gateway), gateway.client() as client:
        refused = client.get("/v1/tail")
        assert (refused.status_code, refused.json()["code"]) == (503, "too_many_listeners")


def test_a_listener_that_left_makes_room(gateway, monkeypatch):
    monkeypatch.setattr(tail, "_MOST_LISTENERS", 1)
    monkeypatch.setattr(tail, "_HEARTBEAT", 0.05)
    with listening(gateway):
        pass
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with httpx2.stream("GET", f"{gateway.url}/v1/tail", timeout=5, trust_env=False) as answer:
            if answer.status_code == 200:
                return
    pytest.fail("it never left")


def test_an_open_stream_ends_when_the_server_is_told_to_stop(gateway):
    with listening(gateway) as told:
        began = time.monotonic()
        gateway.begin_to_stop()
        assert list(told) == []
        assert time.monotonic() - began < 2
