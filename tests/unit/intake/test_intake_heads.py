"""Heads of plain calls are read as a whole HTTP server reads them, and of others nothing."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("httptools")

from konversi.intake.preparer import heads
from konversi.intake.preparer.calls import CALLS
from konversi.intake.preparer.heads import Head, Heads

PATH = b"/v1/events"
FIELDS = (b"Host: localhost", b"Content-Length: 5", b"Content-Type: application/json")


def head(*fields, first=b"POST /v1/events HTTP/1.1"):
    return b"\r\n".join([first, *fields]) + b"\r\n\r\n"


PLAIN = head(*FIELDS)


def test_a_plain_one_is_read():
    fields = ((b"host", b"localhost"), (b"content-type", b"application/json"))
    assert Heads(CALLS).read(PLAIN) == Head("/v1/events", fields, 5, last=False)


@pytest.mark.parametrize("provider", ["midtrans", "xendit", "stripe"])
@pytest.mark.parametrize("kind", [b"application/json", b"application/json; charset=utf-8"])
def test_it_says_which_door_is_called(provider, kind):
    said = head(*FIELDS[:2], b"Content-Type: " + kind, first=f"POST /webhooks/{provider} HTTP/1.1".encode())
    assert Heads(CALLS).read(said).path == f"/webhooks/{provider}"


def test_who_says_that_no_call_follows_is_believed():
    found = Heads(CALLS).read(head(*FIELDS, b"Connection: close"))
    assert found is not None
    assert found.last


@pytest.mark.parametrize(
    "said",
    [
        head(*FIELDS, first=b"PUT /v1/events HTTP/1.1"),
        head(*FIELDS, first=b"POST /v1/events/ HTTP/1.1"),
        head(*FIELDS, first=b"POST /webhooks/whatsapp HTTP/1.1"),
        head(*FIELDS, first=b"POST /webhooks/ HTTP/1.1"),
        head(*FIELDS, first=b"POST /webhooks/midtrans?x HTTP/1.1"),
        head(*FIELDS, first=b"POST /v1/events?x HTTP/1.1"),
        head(*FIELDS, first=b"POST http://localhost/v1/events HTTP/1.1"),
        head(*FIELDS, first=b"POST /v1/events HTTP/1.0"),
        head(*FIELDS, b"Expect: 100-continue"),
        head(*FIELDS, b"Konversi-Waited: 5"),
        head(*FIELDS, b"Upgrade: websocket", b"Connection: upgrade"),
        head(FIELDS[0], b"Transfer-Encoding: chunked"),
        head(*FIELDS, b"Transfer-Encoding: chunked"),
        head(*FIELDS, b"Content-Length: 5"),
        head(FIELDS[0]),
        head(FIELDS[0], b"Content-Length: 0"),
        head(FIELDS[0], b"Content-Length: 0", b"Connection: close"),
        head(FIELDS[0], b"Content-Length: +5"),
        head(FIELDS[0], b"Content-Length: -5"),
        head(FIELDS[0], b"Content-Length: 5, 5"),
        head(FIELDS[0], b"Content-Length: \xb2"),
        head(*FIELDS, b"X: " + b"y" * 9_000),
        b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        PLAIN[:-2],
        PLAIN.replace(b"\r\n\r\n", b"\n\nbody\r\n\r\n"),
        PLAIN[:-4] + b"\n\nhello\r\n\r\n",
    ],
)
def test_of_any_other_nothing_is_said(said):
    own = Heads(CALLS)
    assert own.read(said) is None
    assert own.read(said) is None, "and it is remembered"


def test_of_one_name_the_last_value_counts_as_at_the_gateway():
    assert Heads(CALLS).read(head(*FIELDS, b"Content-Type: text/csv")) is None
    found = Heads(CALLS).read(head(b"Content-Type: text/csv", *FIELDS))
    assert dict(found.headers)[b"content-type"] == b"application/json"
    assert b"missing" not in dict(found.headers)


def test_what_is_remembered_has_a_bound(monkeypatch):
    monkeypatch.setattr(heads, "_MOST_KEPT", 3)
    own = Heads(CALLS)
    for number in range(10):
        assert dict(own.read(head(*FIELDS, b"X: %d" % number)).headers)[b"x"] == b"%d" % number
        assert len(own._kept) <= 3


names = st.sampled_from([b"Content-Length", b"content-length", b"Transfer-Encoding", b"Expect", b"X", b" X", b"X "])
values = st.one_of(
    st.sampled_from(
        [b"5", b"05", b"5 ", b"\t5", b"5\r\n 6", b"chunked", b"", b"close", b"keep-alive", b"a\nb", b"0x5"]
    ),
    st.binary(max_size=5),
)
fields = st.lists(st.tuples(names, values).map(b":".join), max_size=4)


@given(
    st.sampled_from([b"POST /v1/events HTTP/1.1", b"POST  /v1/events HTTP/1.1", b"POST /v1/events HTTP/1.1 "]), fields
)
@example(b"POST /v1/events HTTP/1.1", [b"Content-Length: 5", b"Connection: close"])
def test_whatever_is_read_another_reader_reads_as_well(first, more):
    said = head(b"Host: localhost", *more, first=first)
    found = Heads(CALLS).read(said)
    if found is None:
        return
    other = h11.Connection(h11.SERVER)
    other.receive_data(said)
    request = other.next_event()
    assert (request.method, request.target, request.http_version) == (b"POST", PATH, b"1.1")
    own = [(name, value) for name, value in request.headers if name != b"content-length"]
    assert [(name, value.strip()) for name, value in found.headers] == own
    assert [int(value) for name, value in request.headers if name == b"content-length"] == [found.length]
