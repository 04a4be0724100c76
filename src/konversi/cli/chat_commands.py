"""The commands of the chat side."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from konversi.cli.options import Json, Limit, Simulated
from konversi.settings import load

_AS_USUAL = Simulated()

journeys = App(name="journeys", help="Look at conversations: click, chat, tool calls, events.", help_format="plaintext")

whatsapp = App(name="whatsapp", help="Try the WhatsApp webhook.", help_format="plaintext")


@journeys.command(name="list")
def list_journeys(
    *,
    channel: Literal["whatsapp", "messenger", "instagram"] | None = None,
    ad_id: str | None = None,
    limit: Limit = 20,
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
        At most so many, up to 500.
    json:
        Print JSON for programs.
    """
    from konversi.cli import journeys as command

    return command.list_journeys(load(), {"channel": channel, "ad_id": ad_id, "limit": str(limit)}, as_json=json)


@journeys.command
def show(journey: str, /, *, json: Json = False) -> int:
    """Show one conversation on a timeline.

    Parameters
    ----------
    journey:
        Its id, such as jn_000000001.
    json:
        Print JSON for programs.
    """
    from konversi.cli import journeys as command

    return command.show(load(), journey, as_json=json)


@whatsapp.command
def simulate(
    url: str | None = None,
    /,
    *,
    message: Simulated = _AS_USUAL,
    secret: str | None = None,
    json: Json = False,
) -> int:
    """Post one signed WhatsApp webhook, as Meta does, to any address; exit status 1 where it was refused.

    Example: konversi whatsapp simulate --kind ad-click --phone +6281234567890 --click-id Aff-123

    Parameters
    ----------
    url:
        Where to; the running gateway's own door where left out.
    message:
        What it tells.
    secret:
        The app secret that signs it (WHATSAPP_APP_SECRET).
    json:
        Print JSON for programs.
    """
    from konversi.cli import simulating
    from konversi.cli.over_http import gateway_url

    settings = load()
    known = settings.whatsapp_app_secret.get_secret_value().partition(",")[0] if settings.whatsapp_app_secret else None
    return simulating.simulate(
        url or f"{gateway_url(settings)}/webhooks/whatsapp", message, secret=secret or known, as_json=json
    )
