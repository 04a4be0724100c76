"""The local Meta as an ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from konversi.sandbox.control import ROUTES
from konversi.sandbox.graph import graph
from konversi.sandbox.page import page

if TYPE_CHECKING:
    from konversi.sandbox.local import LocalMeta


def application(meta: LocalMeta) -> Starlette:
    """Its control side, its page, and Graph behind every other address."""
    app = Starlette(
        routes=[
            *ROUTES,
            Route("/", page, methods=["GET"]),
            Route("/{path:path}", graph, methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    )
    app.state.meta = meta
    return app
