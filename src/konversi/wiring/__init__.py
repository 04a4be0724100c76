"""The one place that knows every adapter: settings in, a gateway out."""

from __future__ import annotations

from konversi.wiring.catalogue import credentials_of, open_catalogue
from konversi.wiring.gateway import open_gateway

__all__ = ["credentials_of", "open_catalogue", "open_gateway"]
