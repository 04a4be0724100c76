"""Spans that tell nothing of a customer: they hold words and numbers of ours, and never what a call says."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

__all__ = ["CLIENT", "INTERNAL", "SERVER", "came_with", "current", "failed", "headers", "span"]

CLIENT, INTERNAL, SERVER = SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.SERVER
_W3C = TraceContextTextMapPropagator()
_PARENT = b"traceparent"  # numbers only; into `tracestate` and `baggage` strangers put what they like


@contextmanager
def span(
    tracer: Tracer,
    name: str,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    kind: SpanKind = INTERNAL,
    context: Context | None = None,
    links: Iterable[SpanContext] = (),
) -> Iterator[Span]:
    """The current span while the block runs. Of what it raises only the code is told: texts may quote a customer."""
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=kind,
        attributes=attributes,
        links=[Link(one) for one in links],
        record_exception=False,
        set_status_on_exception=False,
    ) as one:
        try:
            yield one
        except BaseException as error:
            failed(one, str(getattr(error, "code", type(error).__name__)))
            raise


def failed(one: Span, code: str) -> None:
    """It ended badly; `code` is a stable word."""
    one.set_attribute("error.type", code)
    one.set_status(Status(StatusCode.ERROR))


def current() -> SpanContext:
    """What a link leads to."""
    return get_current_span().get_span_context()


def headers() -> dict[str, str]:
    """W3C's headers of the current span."""
    found: dict[str, str] = {}
    _W3C.inject(found)
    return found


def came_with(sent: Mapping[bytes, bytes]) -> Context:
    """Where a call's headers say that its trace began."""
    return _W3C.extract({_PARENT.decode(): sent[_PARENT].decode("latin-1")} if _PARENT in sent else {})
