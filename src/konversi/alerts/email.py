"""Alerts by e-mail, over SMTP with TLS."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import orjson

from konversi.alerts.webhook import AlertNotTold
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 20.0
_SUBJECT = {
    "alert.opened": "Konversi needs you",
    "alert.raised": "Konversi needs you more",
    "alert.reminded": "Konversi still needs you",
    "alert.resolved": "Resolved",
    "alert.test": "A test",
}


class Mail:
    """One server and those who are told. `url` is `smtp://` (which must offer STARTTLS, except here) or `smtps://`."""

    def __init__(self, url: str, sender: str | None, to: Sequence[str]) -> None:
        self._url = url
        self._to = list(to)
        user = unquote(urlsplit(url).username or "")
        self._sender = sender or (user if "@" in user else f"konversi@{urlsplit(url).hostname}")

    async def tell(self, name: str, body: str) -> None:
        """Send it. Raises `AlertNotTold`."""
        try:
            await asyncio.to_thread(self._send, letter(name, body, self._sender, self._to))
        except (smtplib.SMTPException, OSError) as error:
            raise AlertNotTold(f"e-mail: {type(error).__name__}.") from error

    def _send(self, message: EmailMessage) -> None:
        parts = urlsplit(self._url)
        host, context = parts.hostname or "", ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=context)
        else:
            server = smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
        with server:
            if parts.scheme == "smtp" and not on_this_machine(self._url):
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)


def letter(name: str, body: str, sender: str, to: Sequence[str]) -> EmailMessage:
    """The same alert as plain text."""
    said = orjson.loads(body)
    alert = said["data"]
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = f"[{alert['severity']}] {_SUBJECT[said['type']]}: {alert['rule']}, dataset {alert['dataset']}"
    message["Message-ID"] = f"<{name}@konversi>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [
        alert["what"],
        f"What to do: {alert['remedy']}",
        f"Dataset {alert['dataset']}, since {alert['opened_at']}.",
    ]
    if alert["resolved_at"]:
        lines[1] = f"It is over since {alert['resolved_at']}."
    message.set_content("\n\n".join(lines))
    return message
