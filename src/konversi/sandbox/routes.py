"""Which address leads where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from konversi.sandbox.looking import Doors

if TYPE_CHECKING:
    from konversi.sandbox.app import LocalMeta


def routes(meta: LocalMeta) -> Starlette:
    doors = Doors(meta)
    return Starlette(
        routes=[
            Route("/{version}/{dataset}/events", meta.take, methods=["POST"]),
            Route("/_sandbox/events", doors.events, methods=["GET", "DELETE"]),
            Route("/_sandbox/counts", doors.counts),
            Route("/_sandbox/faults", doors.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/datasets", doors.datasets, methods=["GET", "POST", "DELETE"]),
            Route("/", doors.page),
            Route("/{version}/{dataset}", meta.show, methods=["GET"]),
            Route("/{path:path}", meta.unknown, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )
