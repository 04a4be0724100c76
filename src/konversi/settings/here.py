"""Which addresses are on this machine."""

from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def on_this_machine(url: str) -> bool:
    """Whether the address is here: a proxy in the environment is not for that."""
    return urlsplit(url).hostname in LOOPBACK
