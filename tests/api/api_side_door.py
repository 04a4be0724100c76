"""Gateways that hand over every caller, not only where many call."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from api_harness import running, until
from api_raw import call, connected, one_answer

from konversi.intake.http import beside as doors
from konversi.wiring import preparing

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from api_harness import FakeMeta, Running

    from konversi.settings import Settings


@contextmanager
def everybody_handed_over(settings: Settings, meta: FakeMeta, *, opens: bool = True) -> Iterator[Running]:
    """A gateway of that kind, with the preparer running unless a test wants to see it start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "has_room", lambda: True)
        patch.setattr(doors, "_BUSY", 0)  # from the first call on
        with running(settings, meta=meta, beside=True) as one:
            if opens:
                opened(one)
            yield one


def opened(server: Running, *headers: bytes) -> None:
    """Call until the process runs."""
    with connected(server) as connection:
        connection.sendall(call(*headers))
        one_answer(connection)
    until(lambda: server.gateway.receiver.beside.process)
    until(lambda: not server.connections)


def is_beside(server: Running, connection: socket.socket) -> bool:
    """Whether the gateway itself does not have it any more."""
    ours = connection.getsockname()
    return ours not in {one.transport.get_extra_info("peername") for one in list(server.connections)}


def handed_over(server: Running) -> socket.socket:
    """A connection that the preparer has."""
    connection = connected(server)
    connection.sendall(call())
    assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
    assert is_beside(server, connection)
    return connection


def here(server: Running, sent: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """The gateway's own answer: of a connection that came back."""
    with handed_over(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert one_answer(connection)[0] == b"HTTP/1.1 200 OK"
        connection.sendall(sent)
        answer = one_answer(connection)
        assert not is_beside(server, connection)
    return answer
