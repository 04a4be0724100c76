"""What every framework's adapter hands its finished tool calls to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from konversi.agents.recorder import Recorder
from konversi.detection.bookings import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from konversi.agents.tracker import Tracker
    from konversi.events.conversion import Channel, Customer, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """One finished tool call, as the framework told it."""

    tool: str
    arguments: Mapping[str, Any] | None = None
    result: Any = None
    error: str | None = None  # why the framework itself does not count it: an exception's class, denied, retried...
    call_id: str | None = None
    conversation: str | None = None  # the framework's session, thread or run
    seconds: float | None = None
    cached: bool = False  # the answer of an earlier call was given again
    context: Any = None  # the framework's run context, where `customer` is looked up


class Observer:
    """Records every tool call it is told of, and reports the succeeded ones of the booking tools as `event`.

    The keyword arguments are those of `konversi.agents.options.Options`. Raises `TypeError`, `ValueError`, `Refused`
    or pydantic's `ValidationError` for settings that never work, and nothing later: what can't be recorded is logged.
    """

    def __init__(
        self,
        event: str = "Lead",
        *,
        tools: Collection[str] = TOOLS,
        id: str | None = None,  # noqa: A002 - the word that reads best where it is used
        value: str | float | Callable[[Any], Any] | None = None,
        currency: str | None = None,
        customer: str | Customer | Callable[[Any], Any] | None = None,
        services: str | Sequence[Service] | Callable[[Any], Any] | None = None,
        channel: Channel | None = None,
        source: str | None = None,
        success: Callable[[Any], bool] | None = None,
        via: Tracker | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._recorder = Recorder(
            event=event, tools=tools, id=id, value=value, currency=currency, customer=customer, services=services,
            channel=channel, source=source, success=success, via=via, timeout=timeout,
        )  # fmt: skip

    def saw(self, call: Finished) -> None:
        """Record the call. Waits for at most one durable local write, and only after a succeeded booking."""
        self._recorder.record(call)

    async def saw_async(self, call: Finished) -> None:
        """`saw` without holding up the event loop."""
        await self._recorder.record_async(call)

    def mention(self, call: Finished) -> None:
        """Record a call that was broken off: nothing is waited for, and nothing is opened that is not open."""
        self._recorder.mention(call)
