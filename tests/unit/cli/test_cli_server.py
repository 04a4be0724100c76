import asyncio
import socket
from types import SimpleNamespace

import uvicorn

from konversi.cli.serving import Server

PATIENCE = 10


class Late(asyncio.Protocol):
    """A connection that uvicorn has accepted, but told nothing of the end."""

    def __init__(self, server):
        self._server = server
        self.transport = None
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self._server.server_state.connections.add(self)

    def connection_lost(self, _error):
        self._server.server_state.connections.discard(self)
        if not self.lost.done():
            self.lost.set_result(None)

    def shutdown(self):
        """Too late to be told."""


async def nothing():
    """No application has to end."""


async def test_a_connection_that_came_too_late_to_be_told_of_the_end_is_closed():
    server = Server(uvicorn.Config(lambda: None, timeout_graceful_shutdown=0, log_config=None), lambda: None)
    server.servers, server.lifespan = [], SimpleNamespace(shutdown=nothing)
    ours, theirs = socket.socketpair()
    with ours:
        _, late = await asyncio.get_running_loop().connect_accepted_socket(lambda: Late(server), theirs)
        async with asyncio.timeout(PATIENCE):
            await server.shutdown()
            await late.lost
    assert server.server_state.connections == set()
