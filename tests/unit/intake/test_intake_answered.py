"""Calls are counted by a handful of doors, whatever addresses strangers try."""

import pytest

from konversi.intake.answered import Answered, door_of


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/v1/events", "events"),
        ("/v1/events/KV-1", "events"),
        ("/api/meta/conversion", "guide"),
        ("/v1/agent/turns", "agent"),
        ("/webhooks/whatsapp", "webhooks"),
        ("/internal/deliver", "scheduler"),
        ("/metrics", "probes"),
        ("/v1/datasets", "api"),
        ("/", "pages"),
        ("/wp-login.php", "pages"),
    ],
)
def test_every_address_belongs_to_a_door(path, door):
    assert door_of(path) == door


def test_strangers_can_not_make_lines_of_their_own():
    answered = Answered()
    for number in range(1_000):
        answered.note(f"/{number}.php", 404)
    answered.note("/v1/events", 503)
    assert answered.totals == {("pages", "4xx"): 1_000, ("events", "5xx"): 1}
