"""At the first start where people have to log in and nobody can: a link that makes the first admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.errors import KonversiError
from konversi.logs import logger
from konversi.settings import LOOPBACK

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway
    from konversi.settings import Settings


def people_log_in(settings: Settings) -> bool:
    """Whether the pages of this process are shown, and not to whoever is at this machine."""
    shows_pages = settings.only in (None, "dashboard")
    guarded = settings.environment == "production" or settings.api_key is not None or settings.host not in LOOPBACK
    return shows_pages and guarded


async def invite(settings: Settings, gateway: Gateway, address: str) -> None:
    """Print the link, where there is no user yet. It is nowhere else: only its digest is kept."""
    if not people_log_in(settings):
        return
    try:
        secret = await gateway.entrance.welcome.link()
    except KonversiError as error:
        logger().error("no_first_link", cause=error.detail)
        return
    if secret is not None:
        at = f"{settings.public_url or address}/welcome?link={secret}"
        logger().info(f"There is no user yet. Make the first admin within an hour, this link works once: {at}")
