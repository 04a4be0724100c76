"""The keyword arguments that every adapter takes, under one name for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from konversi.agents.tracker import Tracker
    from konversi.events.conversion import Channel, Customer, Service


class Options(TypedDict, total=False):
    """As in `@konversi.on_success`; what is not given is looked for under its usual names.

    tools: the booking tools' names; `create_booking`, `createBooking` and `mcp__shop__create_booking` are one.
    id: path to the booking's id. Where given it is required: no id, no conversion.
    value: path, amount in major units, or a callable of the result. currency: ISO 4217 in capitals, or a path.
    customer: path into the run's context, else into the result or the arguments; or the customer; or a callable of the
    run's context. services: path, the services, or a callable of the result.
    success: judges a booking tool's result in place of the rules.
    via: takes the conversions; the process's own Konversi where absent.
    timeout: seconds that a tool call waits at most for the durable write.
    """

    tools: Collection[str]
    id: str | None
    value: str | float | Callable[[Any], Any] | None
    currency: str | None
    customer: str | Customer | Callable[[Any], Any] | None
    services: str | Sequence[Service] | Callable[[Any], Any] | None
    channel: Channel | None
    source: str | None
    success: Callable[[Any], bool] | None
    via: Tracker | None
    timeout: float
