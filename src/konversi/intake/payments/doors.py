"""How each payment provider calls, and taking such a call. Nothing of it is done before it is known to be genuine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from konversi.errors import BodyTooLarge, WebhookUnsigned
from konversi.intake.payments import midtrans, stripe, xendit
from konversi.intake.payments.payer import told_of
from konversi.intake.payments.reading import an_object
from konversi.intake.platform_json import read_json
from konversi.intake.receipts import Tally
from konversi.intake.signatures import same_secret
from konversi.intake.webhooks import Reply, set_up

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from konversi.intake.payments.till import Till
    from konversi.intake.webhooks import Asked
    from konversi.payments.deciding import Told
    from konversi.payments.notice import Notice
    from konversi.settings import Settings

_LARGEST = 65_536  # bytes of what has to be read before its signature can be checked
_LARGEST_EVENT = 524_288  # bytes; a Stripe event with all its line items and metadata has a tenth of it


@dataclass(frozen=True, slots=True)
class Terms:
    """What of the settings decides how a provider's calls are read."""

    secret: str = field(repr=False)
    fields: str  # that may name the booking
    production: bool
    country: str  # ISO alpha-2, for national phones


class Provider(NamedTuple):
    """How one provider calls. As `konversi.intake.webhooks.Platform`, for the doors that both share."""

    name: str
    secret: str  # the setting that its calls are checked with
    booking_field: str  # the setting that says which fields name the booking
    plausible: Callable[[Asked, str], bool]  # by its headers alone, before there is a body
    genuine: Callable[[Asked, str], Any]  # what it says, where it is signed; else None
    read: Callable[[dict[str, Any], Terms, float], Sequence[Notice]]  # at that time, in Unix seconds
    most: int = _LARGEST  # bytes of a call
    proven_by_headers: bool = False  # they carry the secret itself, so that who passed is no stranger
    verify_token: None = None  # nobody shakes hands
    hint: str = ""  # what else a wrong signature can mean


def _of_midtrans(asked: Asked, server_key: str) -> Any:
    told = read_json(asked.body)
    return told if midtrans.signed(told, server_key) else None


def _carries_token(asked: Asked, token: str) -> bool:
    given = asked.header("x-callback-token")
    return any([same_secret(one.strip(), given) for one in token.split(",")])  # noqa: C419 - all are compared


def _of_stripe(asked: Asked, secret: str) -> Any:
    if not stripe.signed(asked.body, asked.header("stripe-signature"), secret):
        return None
    return read_json(asked.body)


PROVIDERS: dict[str, Provider] = {
    midtrans.NAME: Provider(
        midtrans.NAME,
        "midtrans_server_key",
        "midtrans_booking_field",
        lambda _asked, _key: True,  # the signature stands in the body
        _of_midtrans,
        lambda told, terms, now: midtrans.read(told, terms.fields, now),
        hint="Sandbox and production have server keys of their own.",
    ),
    xendit.NAME: Provider(
        xendit.NAME,
        "xendit_callback_token",
        "xendit_booking_field",
        _carries_token,
        lambda asked, token: read_json(asked.body) if _carries_token(asked, token) else None,
        lambda told, terms, now: xendit.read(told, terms.fields, now),
        proven_by_headers=True,
    ),
    stripe.NAME: Provider(
        stripe.NAME,
        "stripe_webhook_secret",
        "stripe_booking_field",
        lambda asked, _secret: "v1=" in (asked.header("stripe-signature") or ""),
        _of_stripe,
        lambda told, terms, now: stripe.read(told, terms.fields, now, real_only=terms.production),
        most=_LARGEST_EVENT,
        hint="Each endpoint has a secret of its own, and a call older than five minutes is not taken.",
    ),
}


def terms_of(settings: Settings, provider: Provider) -> Terms:
    """As the settings have it. Raises `WebhookNotSetUp` where there is no secret."""
    secret, fields = set_up(settings, provider.secret), getattr(settings, provider.booking_field)
    return Terms(secret, fields, settings.environment == "production", settings.default_country)


def understood(provider: Provider, terms: Terms, asked: Asked, now: float) -> list[Told]:
    """What a call tells of payments at that time (Unix seconds); nothing where it is about none. Pure.

    Raises `BodyTooLarge`, `WebhookUnsigned`, `PaymentUnreadable`, or `MalformedBody`.
    """
    if len(asked.body) > provider.most:
        raise BodyTooLarge
    said = provider.genuine(asked, terms.secret)
    if said is None:
        raise WebhookUnsigned(provider.hint)
    return [told_of(one, terms.country, now) for one in provider.read(an_object(said), terms, now)]


async def take(
    till: Till, settings: Settings, provider: Provider, asked: Asked, told: Counter[tuple[str, str]]
) -> Reply:
    """Take a notification, and count in `told` what it brought.

    Raises a `KonversiError` where it can't be taken, and then nothing was done.
    """
    notices = understood(provider, terms_of(settings, provider), asked, till.now())
    (tally,) = await till.take_each([notices])
    count(told, provider.name, [tally])
    return Reply(said_of(tally))


def count(told: Counter[tuple[str, str]], provider: str, tallies: Sequence[Tally]) -> None:
    """Count what notifications brought."""
    for what, numbers in zip(Tally._fields, zip(*tallies, strict=True), strict=True):
        told[provider, what] += sum(numbers)


def said_of(tally: Tally) -> bytes:
    """What the provider is answered."""
    return orjson.dumps(tally._asdict())
