"""Pydantic AI: `Agent(..., capabilities=[Bookings("Lead", customer="deps.phone")])`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.clock import monotonic

with needs("pydantic-ai"):
    from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
    from pydantic_ai.exceptions import SkipToolExecution

if TYPE_CHECKING:
    from typing import Unpack

    from konversi.agents.options import Options


class Bookings(AbstractCapability[Any]):
    """Reports a conversion for each succeeded call of a booking tool, and records all tool calls.

    `customer="deps.phone"` is a path in the `RunContext`; a callable gets it. Stands outermost, so that it judges what
    the agent gets: another capability may refuse a result, or ask for a retry.
    """

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        self._observer = Observer(event, **options)

    def get_ordering(self) -> CapabilityOrdering:
        return CapabilityOrdering(position="outermost")

    async def wrap_tool_validate(self, ctx: Any, *, call: Any, args: Any, handler: Any, **_: Any) -> Any:
        """Arguments that the tool can't take end the call before it begins."""
        try:
            return await handler(args)
        except Exception as error:
            kind = "retried" if type(error).__name__ == "ValidationError" else type(error).__name__
            await self._observer.saw_async(_finished(ctx, call, arguments=_fields(args), error=kind))
            raise

    async def wrap_tool_execute(self, ctx: Any, *, call: Any, args: Any, handler: Any, **_: Any) -> Any:
        """The whole of a call: retries, failures and deferrals come out of it as exceptions."""
        began = monotonic()
        try:
            result = await handler(args)
        except SkipToolExecution as skipped:  # another capability answered in the tool's place
            end = _finished(ctx, call, arguments=args, result=skipped.result, cached=True, seconds=monotonic() - began)
            await self._observer.saw_async(end)
            raise
        except Exception as error:
            kind = type(error).__name__
            end = _finished(ctx, call, arguments=args, error=kind, seconds=monotonic() - began)
            await self._observer.saw_async(end)
            raise
        end = _finished(ctx, call, arguments=args, result=result, seconds=monotonic() - began)
        await self._observer.saw_async(end)
        return result

    async def after_run(self, ctx: Any, *, result: Any) -> Any:
        """A denied call runs none of the tools' hooks: it is only found in what was said."""
        for message in result.new_messages():
            for part in message.parts:
                if getattr(part, "outcome", None) == "denied":
                    await self._observer.saw_async(_finished(ctx, part, error="denied"))
        return result


def _finished(ctx: Any, call: Any, **end: Any) -> Finished:
    return Finished(
        tool=call.tool_name,
        call_id=call.tool_call_id,
        conversation=ctx.conversation_id or ctx.run_id,
        context=ctx,
        **end,
    )


def _fields(args: Any) -> Any:
    return args if isinstance(args, dict) else None
