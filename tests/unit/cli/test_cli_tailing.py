"""`konversi tail`: the messages of a stream, and what it says where there is none."""

import pytest

from konversi.cli import tailing
from konversi.cli.tailing import messages, tail
from konversi.errors import GatewayUnreachable
from konversi.settings import load


def test_each_message_has_its_name_and_signs_of_life_are_passed_over():
    lines = [
        "retry: 2000",
        "",
        ": still here",
        "",
        'data: {"a":1}',
        "",
        "event: missed",
        'data: {"events":3}',
        "",
        'data: {"a":2}',
    ]
    assert list(messages(iter(lines))) == [("message", {"a": 1}), ("missed", {"events": 3}), ("message", {"a": 2})]


def test_without_a_gateway_it_says_so_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(tailing.time, "sleep", lambda _seconds: pytest.fail("it should not wait"))
    with pytest.raises(GatewayUnreachable):
        tail(load(port=1, data_dir=tmp_path), {}, as_json=True)
