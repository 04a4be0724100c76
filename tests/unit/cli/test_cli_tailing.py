"""`konversi tail`: the messages of a stream, and what it says where there is none."""

import time
from typing import get_args

import orjson
import pytest

from konversi.cli import tailing
from konversi.cli.options import Happening
from konversi.cli.tailing import messages, tail
from konversi.errors import GatewayUnreachable
from konversi.meta.answers import Kind
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


HAPPENED = {
    "what": "delivered", "at": "2026-11-29T13:17:26.746+00:00", "receipt": "rc_000000000001", "event": "Lead",
    "event_id": "Lead:1", "booking_id": None, "reason": None,
}  # fmt: skip


class Streams:
    """A gateway whose streams are these: each the lines that come, or nothing where it is away."""

    def __init__(self, *streams):
        self.left = list(streams)

    def ask(self, _method, _path):
        return {}

    def lines(self, _path, _filters):
        if not self.left:
            raise KeyboardInterrupt
        lines = self.left.pop(0)
        if lines is None:
            raise GatewayUnreachable("it is away.")
        yield from lines


def watched(monkeypatch, tmp_path, *streams, as_json=False):
    gateway = Streams(*streams)
    monkeypatch.setattr(tailing, "OverHttp", lambda _settings: gateway)
    monkeypatch.setattr(tailing.time, "sleep", lambda _seconds: None)
    return tail(load(data_dir=tmp_path), {}, as_json=as_json)


def test_a_gateway_that_starts_anew_is_waited_for(monkeypatch, tmp_path, capsys):
    told = [f"data: {orjson.dumps(HAPPENED).decode()}"]
    assert watched(monkeypatch, tmp_path, told, None, None, told, as_json=True) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert printed.err.count("The gateway went away. Waiting for it.") == 1


def test_a_gateway_that_stays_away_is_given_up(monkeypatch, tmp_path):
    with pytest.raises(GatewayUnreachable):
        watched(monkeypatch, tmp_path, [], *[None] * 30)


def test_a_line_has_the_time_where_the_command_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TZ", "Asia/Jakarta")
    time.tzset()
    try:
        watched(monkeypatch, tmp_path, [f"data: {orjson.dumps(HAPPENED).decode()}"])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert capsys.readouterr().out == "20:17:26.746  delivered   rc_000000000001  Lead  Lead:1\n"


def test_all_that_can_happen_can_be_asked_for():
    assert set(get_args(Happening)) == {"accepted", *(kind.value for kind in Kind), "abandoned"}
