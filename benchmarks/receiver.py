"""A receiver that answers as Meta does and keeps nothing: counts events, after a wait that stands for the distance.

`python benchmarks/receiver.py PORT [SECONDS]`; `GET /count` tells how many events came.
"""

from __future__ import annotations

import asyncio
import sys

import httptools
import uvloop


class Receiver(asyncio.Protocol):
    """One connection."""

    events = 0
    requests = 0
    wait = 0.0

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]
        self.transport = transport
        self._renew()

    def _renew(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.path = b""
        self.found = 0
        self.tail = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path += url

    def on_body(self, body: bytes) -> None:
        joined = self.tail + body
        self.found += joined.count(b'"event_name"')
        self.tail = joined[-11:]

    def on_message_complete(self) -> None:
        if self.path.startswith(b"/count"):
            self._send(b'{"events":%d,"requests":%d}' % (Receiver.events, Receiver.requests))
            return
        Receiver.events += self.found
        Receiver.requests += 1
        body = b'{"events_received":%d,"messages":[],"fbtrace_id":"bench"}' % self.found
        if Receiver.wait:
            asyncio.get_running_loop().call_later(Receiver.wait, self._send, body)
        else:
            self._send(body)

    def _send(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)
        self._renew()


async def main(port: int, wait: float) -> None:
    Receiver.wait = wait
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
