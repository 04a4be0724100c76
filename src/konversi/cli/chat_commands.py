"""The commands of the chat side."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from konversi.cli.options import Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

journeys = App(name="journeys", help="Look at conversations: click, chat, tool calls, events.", help_format="plaintext")

whatsapp = App(name="whatsapp", help="Try the WhatsApp webhook.", help_format="plaintext")


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
    kind: Literal["ad-click", "organic", "status-ad", "username"] = "ad-click",
    phone: str | None = None,
    user_id: str | None = None,
    name: str | None = None,
    text: str | None = None,
    ad_id: str | None = None,
    click_id: str | None = None,
    waba: str | None = None,
    line: str | None = None,
    secret: str | None = None,
    json: Json = False,
) -> int:
    """Post one signed WhatsApp webhook, as Meta does, to any address; exit status 1 where it was refused.

    Example: konversi whatsapp simulate --kind ad-click --phone +6281234567890 --click-id Aff-123

    Parameters
    ----------
    url:
        Where to; the running gateway's own door where left out.
    kind:
        ad-click, organic, status-ad (an ad in Status has no click id), or username (a customer without a phone).
    phone:
        The customer's phone with its country code.
    user_id:
        The customer's business-scoped user id.
    name:
        The name in the customer's profile.
    text:
        What the customer writes.
    ad_id:
        The ad that was clicked.
    click_id:
        The click's ctwa_clid.
    waba:
        The WhatsApp Business Account that was written to.
    line:
        Its phone_number_id.
    secret:
        The app secret that signs it (WHATSAPP_APP_SECRET).
    json:
        Print JSON for programs.
    """
    from konversi.cli import simulating
    from konversi.cli.reaching import gateway_url

    settings = load()
    known = settings.whatsapp_app_secret.get_secret_value().partition(",")[0] if settings.whatsapp_app_secret else None
    return simulating.simulate(
        url or f"{gateway_url(settings)}/webhooks/whatsapp", kind=kind, secret=secret or known, phone=phone,
        user_id=user_id, name=name, text=text, ad_id=ad_id, click_id=click_id, waba=waba, line=line, as_json=json,
    )  # fmt: skip
