"""How the commands reach the gateway: over HTTP where one runs, else by looking into its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import httpx2
import orjson

from konversi.access.machine import signed
from konversi.alerts.statements import standing
from konversi.clock import now
from konversi.database.direct import reading
from konversi.database.schema import readable
from konversi.database.secret import readings
from konversi.database.sqlite import path_of
from konversi.database.sqlite_threads import driver_of as sqlite_driver_of
from konversi.errors import GatewayUnreachable, JourneyUnknown, KonversiError, NotFound, PaymentUnknown
from konversi.events.names import PURCHASE
from konversi.insight import funnel, return_days, returns
from konversi.insight.describe import event, event_in_full, summary
from konversi.insight.payments import payment, payment_in_full
from konversi.insight.periods import last_days
from konversi.insight.timeline import journey, journey_in_full
from konversi.journeys import statements as conversations
from konversi.journeys.port import Search as JourneySearch
from konversi.journeys.port import journey_id, journey_of
from konversi.outbox import statements
from konversi.outbox.port import Search, event_of, receipt
from konversi.outbox.states import State
from konversi.payments import rows
from konversi.payments.payment import payment_id, payment_of
from konversi.settings import DEFAULT_DATASET, on_this_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from konversi.database.port import Driver
    from konversi.settings import Settings

T = TypeVar("T")

_SECONDS = 10.0
_SILENCE = 45.0  # seconds without a sign of life, which a stream gives three times as often


class Reached(Protocol):
    """Where a command looks."""

    def status(self) -> dict[str, Any]: ...
    def alerts(self) -> dict[str, Any]: ...
    def events(self, wanted: dict[str, str | None]) -> dict[str, Any]: ...
    def event(self, receipt: str) -> dict[str, Any]: ...
    def journeys(self, wanted: dict[str, str | None]) -> dict[str, Any]: ...
    def journey(self, journey: str) -> dict[str, Any]: ...
    def payments(self, wanted: dict[str, str | None]) -> dict[str, Any]: ...
    def payment(self, payment: str) -> dict[str, Any]: ...
    def funnel(self, days: int) -> dict[str, Any]: ...
    def returns(self, days: int, by: str) -> dict[str, Any]: ...


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


class InDatabase:
    """The database of a gateway that doesn't run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.database

    def status(self) -> dict[str, Any]:
        with reading(self._url) as connection:
            counts = statements.counts(connection, statements.backlog(connection))
        known = {"ready": False, "environment": self._settings.environment, "configured": self._settings.configured}
        return {**known, **summary(counts, now()), "lanes": []}

    def alerts(self) -> dict[str, Any]:
        with reading(self._url) as connection:
            return {"alerts": standing(connection)}

    def events(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        limit = int(wanted.get("limit") or 50)
        state = wanted.get("state")
        search = Search(
            state=State(state) if state else None,
            event_id=wanted.get("event_id"),
            booking_id=wanted.get("booking_id"),
            dataset=DEFAULT_DATASET if wanted.get("dataset") == self._settings.pixel_id else wanted.get("dataset"),
            limit=limit,
        )
        with reading(self._url) as connection:
            found = statements.search(connection, search)
        following = receipt(found[-1].id) if len(found) == limit else None
        return {"events": [event(stored) for stored in found], "next": following}

    def event(self, receipt: str) -> dict[str, Any]:
        number = event_of(receipt)
        with reading(self._url) as connection:
            stored = None if number is None else statements.find(connection, number)
            if stored is None:
                raise NotFound
            return event_in_full(stored, statements.attempts_of(connection, stored.attempts))

    def journeys(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        limit = int(wanted.get("limit") or 50)
        search = JourneySearch(wanted.get("channel"), wanted.get("ad_id"), limit=limit)
        with reading(self._url) as connection:
            found = conversations.search(connection, search)
            ads = conversations.clicks_of(connection, [one.id for one in found])
        following = journey_id(found[-1].id) if len(found) == limit else None
        return {"journeys": [journey(one, ads.get(one.id)) for one in found], "next": following}

    def journey(self, journey: str) -> dict[str, Any]:
        number = journey_of(journey)
        with reading(self._url) as connection:
            found = None if number is None else conversations.find(connection, number)
            if found is None:
                raise JourneyUnknown
            events = statements.search(connection, Search(journey=found.id, limit=200))
            purchases = [stored.event_id for stored in events if stored.event_name == PURCHASE]
            paid = rows.of_journey(_driver(connection), found.id, purchases)
            return journey_in_full(found, conversations.past(connection, found.id), events, paid)

    def payments(self, wanted: dict[str, str | None]) -> dict[str, Any]:
        limit = int(wanted.get("limit") or 50)
        search = rows.Search(wanted.get("provider"), wanted.get("booking_id"), wanted.get("flag"), limit=limit)
        with reading(self._url) as connection:
            found = rows.search(_driver(connection), search)
        following = payment_id(found[-1].id or 0) if len(found) == limit else None
        return {"payments": [payment(one) for one in found], "next": following}

    def payment(self, payment: str) -> dict[str, Any]:
        number = payment_of(payment)
        with reading(self._url) as connection:
            found = [] if number is None else rows.numbered(_driver(connection), [number])
        if not found:
            raise PaymentUnknown
        return payment_in_full(found[0])

    def funnel(self, days: int) -> dict[str, Any]:
        period = last_days(days, now(), ZoneInfo("UTC"))
        with reading(self._url) as connection:
            return {**funnel.shape(funnel.read(period, connection), period), "complete": False}

    def returns(self, days: int, by: str) -> dict[str, Any]:
        with reading(self._url) as connection:
            return returns.report(return_days.since(days, now()), by, {}, connection)


def _driver(connection: Connection) -> Driver:
    """The driver's own connection, whichever that is."""
    if connection.dialect.name == "sqlite":
        return sqlite_driver_of(connection)
    from konversi.database.postgres import PostgresDriver, driver_of  # noqa: PLC0415 - an extra

    return PostgresDriver(driver_of(connection))


def _signed(settings: Settings) -> dict[str, str]:
    """Who can read the installation's secret may do everything; nothing where this one can't."""
    try:
        secrets = readings(settings, make=False)
    except (KonversiError, PermissionError):
        return {}
    return {"authorization": f"Bearer {signed(secrets[0], now())}"} if secrets else {}


def reach(settings: Settings) -> Reached:
    """The running gateway, or its database where it doesn't run. Raises `GatewayUnreachable` where there is neither."""
    over_http = OverHttp(settings)
    try:
        over_http.ask("GET", "/readyz")
    except GatewayUnreachable:
        if settings.url or not _holds_something(settings):
            raise
        return InDatabase(settings)
    return over_http


def running(settings: Settings) -> OverHttp | None:
    """The gateway, or nothing where none runs. Raises `GatewayUnreachable` for one that was named."""
    over_http = OverHttp(settings)
    try:
        over_http.ask("GET", "/readyz")
    except GatewayUnreachable:
        if settings.url:
            raise
        return None
    return over_http


def _holds_something(settings: Settings) -> bool:
    """Whether there is a database with a schema. Raises as `reading` and `readable`."""
    if not settings.shared and not path_of(settings.database).exists():
        return False
    with reading(settings.database) as connection:
        return readable(connection)
