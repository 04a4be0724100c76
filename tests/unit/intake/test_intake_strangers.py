from __future__ import annotations

import logging

import pytest

from konversi.intake.refused_calls import RefusedCalls
from konversi.intake.room import Room, WebhooksCrowded


def test_large_bodies_fill_half_of_the_room_and_small_ones_the_rest():
    room = Room(1_000_000)
    room.take(400_000, 400_000)
    with pytest.raises(WebhooksCrowded):
        room.take(100_001, 100_001)
    for _ in range(10):
        room.take(60_000, 60_000)
    with pytest.raises(WebhooksCrowded):
        room.take(1, 1)
    room.give_back(60_000)
    room.take(60_000, 60_000)


def test_a_body_that_grows_large_counts_as_large():
    room = Room(100_000)
    room.take(50_000, 50_000)
    with pytest.raises(WebhooksCrowded):
        room.take(20_000, 70_000)
    room.take(10_000, 60_000)


def test_refusals_are_told_at_most_once_a_minute_in_one_line(caplog):
    caplog.set_level(logging.WARNING, logger="konversi")
    time = 5.0
    refused = RefusedCalls(lambda: time)
    for _ in range(100):
        refused.note("whatsapp", "webhook_unsigned")
    assert [record.getMessage().count("webhook_unsigned': 1}") for record in caplog.records] == [1]
    time = 64.9
    refused.note("twilio", "body_too_large")
    assert len(caplog.records) == 1
    time = 65.0
    refused.note("whatsapp", "webhook_unsigned")
    assert len(caplog.records) == 2
    assert "'whatsapp: webhook_unsigned': 100" in caplog.records[1].getMessage()
    assert "'twilio: body_too_large': 1" in caplog.records[1].getMessage()
    assert refused.totals == {("whatsapp", "webhook_unsigned"): 101, ("twilio", "body_too_large"): 1}
