"""Where spans go: as the OTEL_* variables say, which are OpenTelemetry's own."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from konversi._version import __version__
from konversi.errors import InvalidSettings

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_EXPORTER = "OTEL_TRACES_EXPORTER"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OVER_HTTP = "http/protobuf"


def tracer() -> Tracer:
    """Of the provider that the process has already (a bot may have its own), else of a new one.

    Raises `InvalidSettings` for an exporter or a protocol that there is none of.
    """
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(_provider())
    return trace.get_tracer("konversi", __version__)


def _provider() -> TracerProvider:
    """The sampler, the limits and the batches' sizes are read from OTEL_* by the SDK itself."""
    named = Resource.create() if os.environ.get("OTEL_SERVICE_NAME") else Resource.create({SERVICE_NAME: "konversi"})
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    for name in dict.fromkeys(os.environ.get(_EXPORTER, "otlp").split(",")):
        if (exporter := _exporter(name.strip())) is not None:
            provider.add_span_processor(BatchSpanProcessor(exporter))
    atexit.register(provider.shutdown)
    return provider


def _exporter(name: str) -> SpanExporter | None:
    match name:
        case "none" | "":
            return None
        case "console":
            return ConsoleSpanExporter()
        case "otlp":
            return _otlp()
        case _:
            raise InvalidSettings(f"{_EXPORTER}: otlp, console or none.")


def _otlp() -> SpanExporter:
    protocol = next((given for name in _PROTOCOLS if (given := os.environ.get(name))), _OVER_HTTP)
    if protocol != _OVER_HTTP:
        raise InvalidSettings(f"{_PROTOCOLS[1]}: the extra otel brings {_OVER_HTTP}, to port 4318 of a collector.")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - takes a while

    return OTLPSpanExporter()
