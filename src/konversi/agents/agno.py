"""Bookings of an Agno agent or team: `Agent(..., tool_hooks=[Bookings("Lead")])`."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.agents.watched import called

with needs("agno"):
    from agno.exceptions import RunCancelledException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FunctionType
    from typing import Self, Unpack

    from agno.run import RunContext

    from konversi.agents.options import Options


class Bookings:
    """Reports the succeeded bookings among an agent's tool calls, and records all of them.

    A plain callable on purpose: in a synchronous run Agno skips coroutine functions, in an asynchronous one it awaits
    what a plain hook returns. `customer=` is looked up in Agno's run context first.
    """

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        self._observer = Observer(event, **options)

    def __call__(
        self,
        function_name: str,
        function_call: Callable[..., Any],
        arguments: Mapping[str, Any],
        run_context: RunContext | None = None,
    ) -> Any:
        telling = partial(_finished, function_name, arguments, run_context, function_call)
        return called(self._observer, partial(function_call, **arguments), telling)

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        """A copied agent reports to the same tracker."""
        return self


def _finished(
    tool: str,
    arguments: Mapping[str, Any],
    context: RunContext | None,
    function_call: Callable[..., Any],
    result: Any,
    error: BaseException | None,
    seconds: float,
) -> Finished:
    chain = _chain(function_call)
    return Finished(
        tool=tool,
        arguments=arguments,
        result=result,
        error=None if error is None else _word_for(error),
        call_id=getattr(chain.get("self"), "call_id", None),
        conversation=getattr(context, "session_id", None),
        seconds=seconds,
        cached=chain.get("cached_result") is not None and not chain.get("raw_results"),
        context=context,
    )


def _word_for(error: BaseException) -> str:
    is_cancelled = isinstance(error, RunCancelledException | asyncio.CancelledError)
    return "cancelled" if is_cancelled else type(error).__name__


def _chain(function_call: Any) -> dict[str, Any]:
    """What Agno's chain of hooks knows and tells no hook: the call, and the stored result that may be given for it.

    It stands in the closure of the innermost function. Empty where that is not built as in Agno 3.
    """
    link = function_call
    while inspect.isfunction(link):
        known = _closure(link)
        if "cached_result" in known:
            return known
        link = known.get("inner_func")
    return {}


def _closure(function: FunctionType) -> dict[str, Any]:
    known = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # an empty cell
            known[name] = cell.cell_contents
    return known
