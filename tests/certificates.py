"""The world's certificates are read once in a process, not for each HTTP client: 30 ms each, thousands of times."""

from functools import cache


def read_once():
    import httpx2._transports.default as transports

    transports.create_ssl_context = cache(transports.create_ssl_context)
