"""Calls as the bytes that go over a connection."""

from __future__ import annotations

import json
import socket

from api_harness import PATIENCE, lead

BODY = json.dumps(lead(booking_id="BK-1")).encode()


def call(*headers: bytes, body: bytes = BODY, path: bytes = b"/v1/events", version: bytes = b"1.1") -> bytes:
    sent = (b"Host: localhost", b"Content-Length: %d" % len(body), b"Content-Type: application/json", *headers)
    return b"POST " + path + b" HTTP/" + version + b"\r\n" + b"\r\n".join(sent) + b"\r\n\r\n" + body


def one_answer(connection: socket.socket) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Status line, headers and body, of an answer after which the connection may stay open."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65_536)
        assert part, got
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    while len(body) < int(headers[b"content-length"]):
        body += connection.recv(65_536)
    return status, headers, body


def connected(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
