"""Who is told of alerts, and who looks."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from konversi.alerts.email import Mail
from konversi.alerts.watchman import Watchman
from konversi.alerts.webhook import Webhook
from konversi.clock import now
from konversi.errors import InvalidSettings
from konversi.insight.process_metrics import LaneReport

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.alerts.watchman import Channel
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The ways to people that the settings name. Raises `InvalidSettings` where one is half set."""
    found: dict[str, Channel] = {}
    if settings.alert_webhook_url:
        if settings.alert_webhook_secret is None:
            raise InvalidSettings("KONVERSI_ALERT_WEBHOOK_SECRET: is needed, since alerts are signed.")
        development = settings.environment == "development"
        secret = settings.alert_webhook_secret.get_secret_value()
        found["webhook"] = Webhook(
            settings.alert_webhook_url, secret, now, private=settings.alert_private, local=development
        )
    if settings.alert_email_to:
        url = settings.smtp_url.get_secret_value() if settings.smtp_url else ""
        if urlsplit(url).scheme not in {"smtp", "smtps"} or not urlsplit(url).hostname:
            raise InvalidSettings("KONVERSI_SMTP_URL: must be smtp://USER:PASSWORD@HOST:PORT or smtps://...")
        to = [one.strip() for one in settings.alert_email_to.split(",") if one.strip()]
        found["email"] = Mail(url, settings.alert_email_from, to)
    return found


def watchman_of(settings: Settings, stores: Stores, reports: Callable[[], Sequence[LaneReport]]) -> Watchman:
    """Who looks. `reports` tells how this process delivers; where many do, what all of them know counts."""

    async def lanes() -> Sequence[LaneReport]:
        if not settings.shared:
            return reports()
        at = stores.clock.now()
        return [
            LaneReport(
                course.lane,
                {},
                {},
                0.0,
                "open" if course.open_until > at or course.paused else "closed",
                course.paused,
                course.cause,
            )
            for course in await stores.outbox.courses()
        ]

    return Watchman(
        stores.database,
        channels_of(settings),
        clock=stores.clock,
        lanes=lanes,
        name_of=lambda dataset: stores.datasets.registry.name_of(dataset),  # noqa: PLW0108 - the registry is replaced
    )
