"""The one place that talks to Meta's Graph API."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlencode

import httpx2
import orjson

from konversi.clock import now
from konversi.meta.answers import Kind, Verdict, judge, parsed
from konversi.meta.usage import Usage, usage
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_TOTAL_SECONDS = 15.0
_LARGEST_ANSWER = 1_048_576
_TIMEOUT = httpx2.Timeout(10.0, connect=3.0, pool=_TOTAL_SECONDS)
_LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=4.0)

# Raised before the whole request was handed over: Meta can't have taken it.
_NEVER_LEFT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.LocalProtocolError,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.WriteError,
    httpx2.WriteTimeout,
)


class Sent(NamedTuple):
    """What came of a request."""

    verdict: Verdict
    usage: Usage
    clock: float | None = None  # Meta's own, in Unix seconds, where it said it


class Credentials(NamedTuple):
    """What a dataset is reached with. Prints nothing of the secrets."""

    pixel_id: str
    token: str
    app_secret: str | None = None

    def __repr__(self) -> str:
        return f"Credentials(pixel_id={self.pixel_id!r})"


class GraphClient:
    """Sends batches to Meta. Never follows a redirect; the token travels in a header, never in an address."""

    def __init__(self, url: str, version: str) -> None:
        self._base = f"{url}/{version}"
        self._http = httpx2.AsyncClient(
            timeout=_TIMEOUT, limits=_LIMITS, follow_redirects=False, trust_env=not on_this_machine(url)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(self, to: Credentials, data: bytes, *, events: int, test_code: str | None) -> Sent:
        """Post `events` events, whose JSON is `data`, joined by commas. Never raises for what the network does."""
        body = _envelope(to, data, test_code)
        sent, _ = await self._exchange("POST", f"/{to.pixel_id}/events", to, body, events)
        return sent

    async def look(self, to: Credentials) -> Sent:
        """Ask whether the dataset is there and the token may see it; a plain answer counts as delivered."""
        sent, _ = await self.ask("GET", f"/{to.pixel_id}", to, fields="id,name")
        return sent

    async def ask(
        self, method: Literal["GET", "POST"], path: str, to: Credentials, /, *, safe: str = ",", **given: str
    ) -> tuple[Sent, dict[str, Any]]:
        """Ask Graph about something else than events. A plain answer counts as delivered, and comes as an object.

        `safe` are the characters that an address may hold as they are.
        """
        if proof := appsecret_proof(to):
            given["appsecret_proof"] = proof
        body = orjson.dumps(given) if method == "POST" else None
        sent, answer = await self._exchange(
            method, path if body else f"{path}?{urlencode(given, safe=safe)}", to, body, 0
        )
        verdict, found = sent.verdict, parsed(answer)
        if verdict.kind is Kind.IN_DOUBT and verdict.http_status == 200 and found:  # noqa: PLR2004 - it counts no events
            return sent._replace(verdict=Verdict(Kind.DELIVERED, "", verdict.http_status)), found
        return sent, found

    async def _exchange(
        self, method: str, path: str, to: Credentials, body: bytes | None, events: int
    ) -> tuple[Sent, bytes]:
        headers = {"authorization": f"Bearer {to.token}", "content-type": "application/json"}
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                async with self._http.stream(method, self._base + path, content=body, headers=headers) as response:
                    answer = await _read(response)
        except _NEVER_LEFT as error:
            return Sent(Verdict(Kind.NOT_SENT, _network(error, "could not be reached")), Usage()), b""
        except (httpx2.HTTPError, httpx2.StreamError, TimeoutError, OSError) as error:
            return Sent(Verdict(Kind.IN_DOUBT, _network(error, "did not answer")), Usage()), b""
        verdict = judge(response.status_code, answer, events)
        return Sent(verdict, usage(response.headers, now()), _clock(response.headers.get("date"))), answer


def _envelope(to: Credentials, data: bytes, test_code: str | None) -> bytes:
    end = b"]"
    if test_code:
        end += b',"test_event_code":' + orjson.dumps(test_code)
    if proof := appsecret_proof(to):
        end += b',"appsecret_proof":"' + proof.encode() + b'"'
    return b'{"data":[' + data + end + b"}"


def appsecret_proof(to: Credentials) -> str | None:
    """What shows Meta that the caller has the app's secret; worth nothing without the token."""
    if not to.app_secret:
        return None
    return hmac.new(to.app_secret.encode(), to.token.encode(), hashlib.sha256).hexdigest()


async def _read(response: httpx2.Response) -> bytes:
    """The answer, up to a size that no honest one has."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > _LARGEST_ANSWER:
            break
    return b"".join(parts)


def _clock(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, TypeError, OverflowError):
        return None


def _network(error: Exception, what: str) -> str:
    return f"Meta {what} ({type(error).__name__}). Konversi tries again by itself; check the network if it goes on."
