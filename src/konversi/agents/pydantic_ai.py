"""Pydantic AI: `Agent(..., capabilities=[Bookings("Lead", customer="deps.phone")])`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.agents.tracker import harmless
from konversi.agents.watched import watched

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
            with harmless("note_not_recorded", None):
                kind = "retried" if type(error).__name__ == "ValidationError" else type(error).__name__
                await self._observer.saw_async(_finished(ctx, call, arguments=_fields(args), error=kind))
            raise

    async def wrap_tool_execute(self, ctx: Any, *, call: Any, args: Any, handler: Any, **_: Any) -> Any:
        """The whole of a call: retries, failures and deferrals come out of it as exceptions."""
        return await watched(self._observer, handler(args), partial(_ended, ctx, call, args))

    async def after_run(self, ctx: Any, *, result: Any) -> Any:
        """A denied call runs none of the tools' hooks: it is only found in what was said."""
        with harmless("note_not_recorded", None):
            for message in result.new_messages():
                for part in message.parts:
                    if getattr(part, "outcome", None) == "denied":
                        await self._observer.saw_async(_finished(ctx, part, error="denied"))
        return result


def _ended(ctx: Any, call: Any, args: Any, result: Any, error: BaseException | None, seconds: float) -> Finished:
    if isinstance(error, SkipToolExecution):  # another capability answered in the tool's place
        return _finished(ctx, call, arguments=args, result=error.result, cached=True, seconds=seconds)
    return _finished(ctx, call, arguments=args, result=result, error=_word_for(error), seconds=seconds)


def _word_for(error: BaseException | None) -> str | None:
    if error is None:
        return None
    return "cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__


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
