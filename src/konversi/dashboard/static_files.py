"""The style, the script and the icon: named by their contents, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from konversi.errors import NotFound
from konversi.intake.http.problems import response

if TYPE_CHECKING:
    from starlette.requests import Request

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


class _File(NamedTuple):
    body: bytes
    kind: str


def _named(name: str) -> tuple[str, _File]:
    body = (files("konversi.dashboard") / "static" / name).read_bytes()
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{ending}", _File(body, _TYPES[ending])


_NAMES = {name: _named(name) for name in ("konversi.css", "konversi.js", "icon.svg")}
_FILES = dict(_NAMES.values())


def address(name: str) -> str:
    """Where a file of ours is served."""
    return f"/static/{_NAMES[name][0]}"


async def serve(request: Request) -> Response:
    """One file."""
    found = _FILES.get(request.path_params["name"])
    if found is None:
        return response(NotFound())
    return Response(found.body, 200, _FOR_EVER, found.kind)
