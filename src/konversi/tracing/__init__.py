"""OpenTelemetry traces, where KONVERSI_TRACES switches them on. Without that nothing of OpenTelemetry is imported."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from konversi.errors import MissingExtra

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_NOTHING: AbstractContextManager[Any] = nullcontext()


class _Traces:
    """Of this process: OpenTelemetry has one provider for each."""

    tracer: Tracer | None = None


def start() -> Tracer:
    """The tracer, of the process's own provider where it has one, else of one that is set up from OTEL_* variables.

    Raises `MissingExtra`, and `InvalidSettings` for an exporter that there is none of.
    """
    if _Traces.tracer is None:
        try:
            from konversi.tracing.exporting import tracer  # noqa: PLC0415 - an extra, and only where it is wanted
        except ImportError as error:
            raise MissingExtra('pip install "konversi[otel]"') from error
        _Traces.tracer = tracer()
    return _Traces.tracer


def started() -> Tracer | None:
    """The tracer, where traces are on in this process."""
    return _Traces.tracer


def hook(tool: str) -> AbstractContextManager[Any]:
    """The span of a tool hook in a bot; costs nothing where traces are off."""
    if _Traces.tracer is None:
        return _NOTHING
    from konversi.tracing.spans import span  # noqa: PLC0415 - as above

    return span(_Traces.tracer, "konversi tool hook", {"gen_ai.tool.name": tool[:100]})


def carried() -> dict[str, str]:
    """The headers that take the trace along to a gateway elsewhere."""
    if _Traces.tracer is None:
        return {}
    from konversi.tracing.spans import headers  # noqa: PLC0415 - as above

    return headers()
