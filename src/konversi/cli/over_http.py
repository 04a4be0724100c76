"""The running gateway, as the commands see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import httpx2
import orjson

from konversi.access.machine import signed
from konversi.clock import now
from konversi.database.secret import readings
from konversi.errors import GatewayUnreachable, KonversiError
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from konversi.settings import Settings

T = TypeVar("T")

_SECONDS = 10.0
_SILENCE = 45.0  # seconds without a sign of life, which a stream gives three times as often


class GatewayRefused(KonversiError):
    """The gateway refused.

    Do what it says.
    """

    code = "gateway_refused"

    def __str__(self) -> str:
        return self.detail


def gateway_url(settings: Settings) -> str:
    """Where the gateway should be."""
    host = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared, not bound
    return settings.url or f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


class OverHttp:
    """The running gateway."""

    def __init__(self, settings: Settings) -> None:
        self._url = gateway_url(settings)
        self._headers = {"content-type": "application/json"}
        if settings.api_key:
            self._headers["authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
        elif on_this_machine(self._url):
            self._headers |= _signed(settings)

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        seconds: float = _SECONDS,
    ) -> dict[str, Any]:
        """The answer as JSON. Raises `GatewayUnreachable`, or `GatewayRefused` with the gateway's own words."""
        content = None if body is None else orjson.dumps(body)
        try:
            answer = httpx2.request(
                method,
                self._url + path,
                params=params,
                content=content,
                headers=self._headers,
                timeout=seconds,
                trust_env=not on_this_machine(self._url),
            )
            said: dict[str, Any] = orjson.loads(answer.content)
        except (httpx2.HTTPError, orjson.JSONDecodeError) as error:
            raise GatewayUnreachable(f"{self._url}: {type(error).__name__}.") from error
        if answer.is_success or path == "/readyz":
            return said
        raise refused(said)

    def client(self, seconds: float) -> httpx2.AsyncClient:
        """For what takes more than one question; close it."""
        headers = {name: value for name, value in self._headers.items() if name != "content-type"}
        return httpx2.AsyncClient(
            base_url=self._url, headers=headers, timeout=seconds, trust_env=not on_this_machine(self._url)
        )

    def lines(self, path: str, params: dict[str, str]) -> Iterator[str]:
        """What it streams, line by line, until it ends. Raises as `ask`."""
        return self._streamed(path, params, httpx2.Response.iter_lines)

    def pieces(self, path: str, params: dict[str, str]) -> Iterator[bytes]:
        """What it streams, as it comes. Raises as `ask`."""
        return self._streamed(path, params, httpx2.Response.iter_bytes)

    def _streamed(
        self, path: str, params: dict[str, str], parts: Callable[[httpx2.Response], Iterator[T]]
    ) -> Iterator[T]:
        try:
            with httpx2.stream(
                "GET",
                self._url + path,
                params=params,
                headers=self._headers,
                timeout=httpx2.Timeout(_SECONDS, read=_SILENCE),
                trust_env=not on_this_machine(self._url),
            ) as answer:
                if answer.is_success:
                    yield from parts(answer)
                    return
                said = orjson.loads(answer.read())
        except (httpx2.HTTPError, orjson.JSONDecodeError) as error:
            raise GatewayUnreachable(f"{self._url}: {type(error).__name__}.") from error
        raise refused(said)

    def status(self) -> dict[str, Any]:
        return self.ask("GET", "/v1/status")

    def alerts(self) -> dict[str, Any]:
        return self.ask("GET", "/v1/alerts")

    def events(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        return self._list("/v1/events", wanted)

    def event(self, receipt: str) -> dict[str, Any]:
        return self.ask("GET", f"/v1/events/{receipt}")

    def journeys(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        return self._list("/v1/journeys", wanted)

    def journey(self, journey: str) -> dict[str, Any]:
        return self.ask("GET", f"/v1/journeys/{journey}")

    def payments(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        return self._list("/v1/payments", wanted)

    def payment(self, payment: str) -> dict[str, Any]:
        return self.ask("GET", f"/v1/payments/{payment}")

    def funnel(self, days: int) -> dict[str, Any]:
        return self.ask("GET", "/v1/funnel", params={"days": str(days)})

    def returns(self, days: int, by: str) -> dict[str, Any]:
        return self.ask("GET", "/v1/return", params={"days": str(days), "by": by})

    def _list(self, path: str, wanted: dict[str, str | None]) -> dict[str, Any]:
        return self.ask("GET", path, params={name: value for name, value in wanted.items() if value})


def refused(problem: dict[str, Any]) -> GatewayRefused:
    """The gateway's problem, in its own words."""
    words = (problem.get("title"), problem.get("detail"), problem.get("remedy"))
    faults = [f"{one['field']}: {one['detail']} {one['remedy']}" for one in problem.get("errors", [])]
    return GatewayRefused(" ".join([*(part for part in words if part), *faults]))


def _signed(settings: Settings) -> dict[str, str]:
    """Who can read the installation's secret may do everything; nothing where this one can't."""
    try:
        secrets = readings(settings, make=False)
    except (KonversiError, PermissionError):
        return {}
    return {"authorization": f"Bearer {signed(secrets[0], now())}"} if secrets else {}
