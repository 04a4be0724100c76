"""`@konversi.on_success`: a conversion from any plain function, only if it returned and its result says success.

Put it directly on the function, under the agent framework's own decorator: there it sees the real result or exception,
before a framework turns either into text.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from konversi.agents.observer import Finished
from konversi.agents.recorder import Recorder
from konversi.agents.tracker import Tracker
from konversi.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.events.conversion import Channel, Customer, Service

__all__ = ["Tracker", "on_success"]

P = ParamSpec("P")
R = TypeVar("R")


def on_success(
    event: str = "Lead",
    *,
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
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Report `event` whenever the decorated sync or async function succeeds.

    Paths (`"booking_id"`, `"booking.id"`) are read in the result, then in the call's arguments; `bookingId` and
    `booking_id` are the same. Callables get the result. What is not given is looked for under its usual names.

    id: path to the booking's id. Where given it is required: no id, no conversion. Repeats of one booking collapse.
    value: path, or amount in major units. currency: ISO 4217 in capitals, or a path.
    customer: path to a phone number or to a customer, or the customer. services: path, or the services.
    success: judges the result in place of the rules; needed for a function that answers with text only.
    via: takes the conversion; the process's own Konversi where absent.
    timeout: seconds that the function's caller waits at most for the durable write.

    The function's result, exceptions, signature and annotations stay as they are. Raises `TypeError` or `ValueError`
    where it is applied wrongly, and nothing later: a conversion that can't be recorded is logged.
    """
    if callable(event):
        raise TypeError('Write @on_success("Lead", ...): the decorator needs its parentheses.')
    recorder = Recorder(
        event=event, tools=None, id=id, value=value, currency=currency, customer=customer, services=services,
        channel=channel, source=source, success=success, via=via, timeout=timeout,
        customer_is_asked_of_the_result=True,
    )  # fmt: skip

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        _refuse_unfit(function)
        wrapper = _async_wrapper(function, recorder) if _is_async(function) else _sync_wrapper(function, recorder)
        return _look_like(wrapper, function)

    return decorate


def _sync_wrapper(function: Callable[P, R], recorder: Recorder) -> Callable[P, R]:
    call = _Call(function)

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        began = monotonic()
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            recorder.record(call.broken_off(args, kwargs, began, error))
            raise
        except BaseException as error:
            recorder.mention(call.broken_off(args, kwargs, began, error))
            raise
        recorder.record(call.returned(args, kwargs, began, result))
        return result

    return wrapper


def _async_wrapper(function: Callable[P, R], recorder: Recorder) -> Callable[P, R]:
    call = _Call(function)
    awaited = cast("Callable[P, Any]", function)

    @functools.wraps(function)
    async def wrapper(*args: P.args, **kwargs: P.kwargs) -> Any:
        began = monotonic()
        try:
            result = await awaited(*args, **kwargs)
        except Exception as error:
            await recorder.record_async(call.broken_off(args, kwargs, began, error))
            raise
        except BaseException as error:
            recorder.mention(call.broken_off(args, kwargs, began, error))
            raise
        await recorder.record_async(call.returned(args, kwargs, began, result))
        return result

    return cast("Callable[P, R]", wrapper)


class _Call:
    """The function's calls as adapters tell theirs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = tool_name(function)
        self._signature = _signature(function)

    def returned(self, args: Any, kwargs: Any, began: float, result: Any) -> Finished:
        return self._finished(args, kwargs, began, result=result)

    def broken_off(self, args: Any, kwargs: Any, began: float, error: BaseException) -> Finished:
        kind = "cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__
        return self._finished(args, kwargs, began, error=kind)

    def _finished(self, args: Any, kwargs: Any, began: float, **end: Any) -> Finished:
        arguments = _arguments(self._signature, args, kwargs)
        return Finished(tool=self._name, arguments=arguments, seconds=monotonic() - began, **end)


def _arguments(signature: inspect.Signature, args: Any, kwargs: Any) -> dict[str, Any]:
    """The call's arguments by name, with defaults; those of `**kwargs` stand among the others."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return {}  # the function raises the same to its caller
    bound.apply_defaults()
    arguments = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments = {**arguments.pop(name), **arguments}
    return arguments


def tool_name(function: Any) -> str:
    """What the function is called in the log."""
    return str(getattr(getattr(function, "func", function), "__name__", type(function).__name__))


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function)


def _refuse_unfit(function: Any) -> None:
    name = tool_name(function)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(f"`{name}` is a generator: it has no one result that could say success.")
    if isinstance(function, staticmethod | classmethod):
        raise TypeError("Put @on_success under @staticmethod or @classmethod, directly on the function.")
    if not (inspect.isroutine(function) or isinstance(function, functools.partial)):
        raise TypeError(
            f"`{name}` is no function. Put @on_success directly on it, under the framework's own decorator."
        )


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature with its annotations as types: some frameworks would look names up in this module otherwise."""
    try:
        return inspect.signature(function, eval_str=True)
    except Exception:  # noqa: BLE001 - annotations are code, and may name what is imported for type checkers only
        return inspect.signature(function)


def _look_like(wrapper: Callable[P, R], function: Callable[P, R]) -> Callable[P, R]:
    """Frameworks build a tool's schema from these; with `functools.wraps` alone Genkit sees no arguments."""
    signature = _signature(function)
    wrapper.__signature__ = signature  # type: ignore[attr-defined]
    annotations = dict(getattr(function, "__annotations__", {}))
    for name, parameter in signature.parameters.items():
        if name in annotations:
            annotations[name] = parameter.annotation
    if "return" in annotations:
        annotations["return"] = signature.return_annotation
    wrapper.__annotations__ = annotations
    return wrapper
