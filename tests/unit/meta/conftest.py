"""A port on which nobody listens."""

import socket

import pytest


@pytest.fixture
def unused_port():
    """Bound but not listening, so that nobody else takes it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
