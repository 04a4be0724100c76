"""The gateway as an ASGI application for serverless platforms: `from konversi.serverless import app`.

It needs PostgreSQL, no lifespan, and no time between the calls. `docs/how-to/deploy-to-vercel.md` sets it up.
"""

from __future__ import annotations

from konversi.intake.http.apart import Apart
from konversi.serverless.instance import Instance
from konversi.settings import load

__all__ = ["app"]

app = Apart(Instance(load))
