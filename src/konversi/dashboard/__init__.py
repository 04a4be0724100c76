"""The pages that people look at, each with a twin in JSON. Rendered here: they work without JavaScript."""

from konversi.dashboard.routes import pages

__all__ = ["pages"]
