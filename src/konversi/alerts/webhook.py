"""Alerts to a web address, signed in the form of Standard Webhooks, and to no address that was not looked at."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from konversi.errors import KonversiError

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 10.0


class AlertNotTold(KonversiError):
    """An alert could not be told.

    It is tried again for a day. Check KONVERSI_ALERT_WEBHOOK_URL or KONVERSI_SMTP_URL with `konversi alerts test`.
    """

    code = "alert_not_told"


def signature(secret: str, name: str, at: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of name, Unix seconds and raw body, joined by dots, in Base64."""
    signed = b".".join((name.encode(), str(at).encode(), body))
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    """Secrets of the form `whsec_` hold the key in Base64; others are the key."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    return base64.b64decode(secret.removeprefix("whsec_"))


class Webhook:
    """One address. `private` lets it be in a private network; this machine only is taken in development."""

    def __init__(self, url: str, secret: str, now: Callable[[], float], *, private: bool, local: bool) -> None:
        self._url = url
        self._secret = secret
        self._now = now
        self._private = private
        self._local = local

    async def tell(self, name: str, body: str) -> None:
        """Post it. Raises `AlertNotTold` for anything but a 2xx."""
        parts = urlsplit(self._url)
        host = parts.hostname or ""
        raw, at = body.encode(), int(self._now())
        headers = {
            "host": parts.netloc.rpartition("@")[2],
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(self._secret, name, at, raw),
        }
        try:
            async with asyncio.timeout(_SECONDS):
                port = parts.port or (443 if parts.scheme == "https" else 80)
                address = await self._checked(host, port, secure=parts.scheme == "https")
                there = f"[{address}]" if ":" in address else address
                url = parts._replace(netloc=f"{there}:{port}").geturl()
                async with (
                    httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=_SECONDS) as http,
                    http.stream(
                        "POST", url, content=raw, headers=headers, extensions={"sni_hostname": host}
                    ) as answer,  # whose body nobody reads
                ):
                    status, taken = answer.status_code, answer.is_success
        except (httpx2.HTTPError, OSError, TimeoutError, ValueError) as error:
            raise AlertNotTold(f"webhook: {type(error).__name__}.") from error
        if not taken:
            raise AlertNotTold(f"webhook: HTTP {status}.")

    async def _checked(self, host: str, port: int, *, secure: bool) -> str:
        """An address of the host that may be connected to: all of them must be fine, lest it be chance which is."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if fault := forbidden(address, secure=secure, private=self._private, local=self._local):
                raise AlertNotTold(f"webhook: {fault}")
        return addresses[0]


def forbidden(address: str, *, secure: bool, private: bool, local: bool) -> str | None:
    """Why nothing is sent to this address, if so."""
    ip = ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    if ip.is_loopback and local:
        return None
    if not secure:
        return "only https is taken, except on this machine in development."
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        return "that address is no host's."  # among them the metadata services of clouds
    if not ip.is_global and not private:
        return "it is in a private network. Set KONVERSI_ALERT_PRIVATE=true if that is meant."
    return None
