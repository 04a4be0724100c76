"""The commands of the chat side."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from konversi.settings import load

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs.")]

journeys = App(name="journeys", help="Look at conversations: click, chat, tool calls, events.", help_format="plaintext")


@journeys.command(name="list")
def list_journeys(
    *,
    channel: Literal["whatsapp", "messenger", "instagram"] | None = None,
    ad_id: str | None = None,
    limit: int = 20,
    json: Json = False,
) -> int:
    """List conversations, newest first.

    Parameters
    ----------
    channel:
        Only those on this channel.
    ad_id:
        Only those that this ad opened.
    limit:
        At most so many.
    json:
        Print JSON for programs.
    """
    from konversi.cli import journeys as command  # noqa: PLC0415 - as all commands: loaded when called

    return command.list_journeys(load(), {"channel": channel, "ad_id": ad_id, "limit": str(limit)}, as_json=json)


@journeys.command
def show(journey: str, /, *, json: Json = False) -> int:
    """Show one conversation on a timeline."""
    from konversi.cli import journeys as command  # noqa: PLC0415

    return command.show(load(), journey, as_json=json)
