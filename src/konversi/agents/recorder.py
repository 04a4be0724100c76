"""What happens after a decorated function returned: judge, read, hand over. Nothing here may hurt the function."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from konversi.agents.tracker import code_of, not_recorded, wait, wait_async, warn
from konversi.detection.recipe import Given, Recipe, compose
from konversi.detection.success import succeeded
from konversi.events.conversion import Channel, Conversion, Customer, Service
from konversi.events.faults import Fault, Refused
from konversi.events.names import event_name

if TYPE_CHECKING:
    import concurrent.futures
    import inspect
    from collections.abc import Callable, Mapping, Sequence

    from konversi.agents.tracker import Tracker


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """The settings of one `@on_success`, and what is done by them.

    Raises `Refused` for an event that Meta can't take, and pydantic's `ValidationError` for other unusable settings.
    """

    event: str
    id: str | None
    value: str | float | Callable[[Any], Any] | None
    currency: str | None
    customer: str | Customer | Callable[[Any], Any] | None
    services: str | Sequence[Service] | Callable[[Any], Any] | None
    channel: Channel | None
    source: str | None
    success: Callable[[Any], Any] | None
    via: Tracker | None
    timeout: float

    def __post_init__(self) -> None:
        name = event_name(self.event)
        if isinstance(name, Fault):
            raise Refused((name,))
        amount = self.value if isinstance(self.value, int | float) else None
        Conversion(event=name, value=amount, channel=self.channel, source=self.source)

    def record(self, tool: str, signature: inspect.Signature, args: Any, kwargs: Any, result: Any) -> None:
        """Hand the conversion over, if there is one, and wait for its durable write."""
        future = self._submitted(tool, signature, args, kwargs, result)
        if future is None:
            return
        try:
            wait(future, self.timeout, tool)
        except Exception as error:  # noqa: BLE001 - the chat never fails because of Konversi
            not_recorded(tool, error)

    async def record_async(self, tool: str, signature: inspect.Signature, args: Any, kwargs: Any, result: Any) -> None:
        """`record` without holding up the event loop, which the first opening of the process's own gateway would."""
        given = (tool, signature, args, kwargs, result)
        future = self._submitted(*given) if self.via else await asyncio.to_thread(self._submitted, *given)
        if future is None:
            return
        try:
            await wait_async(future, self.timeout, tool)
        except Exception as error:  # noqa: BLE001 - the chat never fails because of Konversi
            not_recorded(tool, error)

    def _submitted(
        self, tool: str, signature: inspect.Signature, args: Any, kwargs: Any, result: Any
    ) -> concurrent.futures.Future[Any] | None:
        try:
            conversion = self._conversion(tool, _arguments(signature, args, kwargs), result)
            return None if conversion is None else self._tracker().submit(conversion)
        except Exception as error:  # noqa: BLE001 - the chat never fails because of Konversi
            not_recorded(tool, error)
            return None

    def _conversion(self, tool: str, arguments: Mapping[str, Any], result: Any) -> Conversion | None:
        outcome = succeeded(result, id_path=self.id, arguments=arguments, success=self.success)
        if not outcome.ok:
            if outcome.remedy:
                warn("conversion_not_counted", tool=tool, code="not_judged", why=outcome.why, remedy=outcome.remedy)
            return None
        reading = compose(self._recipe(tool, result), result, arguments)
        if reading.conversion is None or (self.id is not None and reading.conversion.booking_id is None):
            warn("conversion_not_counted", tool=tool, code="unusable", parts=reading.dropped)
            return None
        if reading.dropped:
            warn("conversion_incomplete", tool=tool, code="parts_dropped", parts=reading.dropped)
        return reading.conversion

    def _recipe(self, tool: str, result: Any) -> Recipe:
        return Recipe(
            event=self.event, id=self.id, currency=self.currency, channel=self.channel, source=self.source,
            value=_asked("value", self.value, result, tool),
            customer=_asked("customer", self.customer, result, tool),
            services=_asked("services", self.services, result, tool),
        )  # fmt: skip

    def _tracker(self) -> Tracker:
        if self.via is not None:
            return self.via
        from konversi.client import default_tracker  # noqa: PLC0415 - a bot loads the gateway when it first books

        return default_tracker()


def _asked(part: str, given: Any, result: Any, tool: str) -> Any:
    """A path as it is, and everything else as the thing itself; a callable is asked for it."""
    if given is None or isinstance(given, str):
        return given
    if not callable(given):
        return Given(given)
    try:
        return Given(given(result))
    except Exception as error:  # noqa: BLE001 - a booking without its value is worth more than none
        warn("conversion_incomplete", tool=tool, code=code_of(error), parts=(part,))
        return Given(None)


def _arguments(signature: inspect.Signature, args: Any, kwargs: Any) -> dict[str, Any]:
    """The call's arguments by name, with defaults; those of `**kwargs` stand among the others."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments = {**arguments.pop(name), **arguments}
    return arguments
