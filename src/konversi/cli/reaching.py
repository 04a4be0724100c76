"""How the commands reach the gateway: over HTTP where one runs, else by looking into its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from konversi.cli.in_database import InDatabase
from konversi.cli.over_http import OverHttp
from konversi.database.direct import reading
from konversi.database.schema import readable
from konversi.database.sqlite import path_of
from konversi.errors import GatewayUnreachable

if TYPE_CHECKING:
    from konversi.settings import Settings


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
