"""A request as the pages see it: its language, its time zone, what it asks for, and the gateway."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from konversi.dashboard.language import Language, of_header
from konversi.dashboard.visitors import NOBODY
from konversi.errors import MalformedBody
from konversi.intake.http.bodies import read

if TYPE_CHECKING:
    from starlette.requests import Request

    from konversi.intake.gateway import Gateway

_LONGEST_FORM = 262_144
_MOST_FIELDS = 2_000


class Asked:
    """One request."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.gateway: Gateway = request.app.state.gateway
        self.path: str = request.url.path
        self.wants_json = self.path.endswith(".json")
        self.visitor = NOBODY  # until it is known who looks

    @cached_property
    def language(self) -> Language:
        """What the visitor chose here, else what the browser prefers."""
        chosen = self.request.query_params.get("lang") or self.request.cookies.get("lang") or ""
        return of_header(chosen or self.request.headers.get("accept-language", ""))

    @cached_property
    def zone(self) -> ZoneInfo:
        """The visitor's, which our script puts in a cookie; UTC before that."""
        try:
            return ZoneInfo(self.request.cookies.get("tz", "").replace("%2F", "/")[:60] or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo("UTC")

    @cached_property
    def now(self) -> float:
        """Unix seconds."""
        return self.gateway.clock.now()

    def query(self, name: str) -> str | None:
        """A parameter of the address; nothing where it is empty."""
        value = self.request.query_params.get(name, "").strip()
        return value if value and "\x00" not in value and len(value) <= 2_000 else None  # noqa: PLR2004

    async def fields(self) -> dict[str, str]:
        """The fields of a sent form that come once."""
        return dict(await self.form())

    async def form(self) -> list[tuple[str, str]]:
        """The fields of a sent form."""
        body = await read(self.request.receive, dict(self.request.scope["headers"]), _LONGEST_FORM)
        try:
            return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise MalformedBody from None

    def address(self, **changed: str | None) -> str:
        """The page's address with some parameters changed, or left out where they are nothing."""
        kept = {name: value for name, value in self.request.query_params.items() if name != "lang"}
        kept.update({name: value for name, value in changed.items() if value is not None})
        dropped = {name for name, value in changed.items() if value is None}
        left = {name: value for name, value in kept.items() if value and name not in dropped}
        path = self.path.removesuffix(".json")
        return f"{path}?{urlencode(left)}" if left else path
