"""`konversi payments`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.cli.over_http import gateway_url
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, table, words
from konversi.cli.reaching import reach
from konversi.cli.simulating import SHOWN, post
from konversi.clock import now, unique
from konversi.errors import InvalidRequest
from konversi.intake.payments import samples
from konversi.intake.payments.doors import PROVIDERS
from konversi.payments.units import major_amount

if TYPE_CHECKING:
    from decimal import Decimal

    from konversi.cli.options import Paid
    from konversi.intake.payments.samples import ProviderName
    from konversi.settings import Settings

_COLUMNS = ("payment", "provider", "state", "amount", "reversed", "currency", "booking_id", "event_id", "flag")


def list_payments(settings: Settings, wanted: dict[str, str | None], *, as_json: bool) -> int:
    """Payments, newest first."""
    found = reach(settings).payments(wanted)
    if as_json:
        print_json(found)
        return 0
    if not found["payments"]:
        words("There are none. They come with a provider's first webhook: docs/how-to/take-payments.md")
        return 0
    table(found["payments"], _COLUMNS)
    if found["next"]:
        words("There are more: give a larger --limit.")
    return 0


def show(settings: Settings, payment: str, *, as_json: bool) -> int:
    """One payment."""
    found = reach(settings).payment(payment)
    if as_json:
        print_json(found)
        return 0
    fields({name: value for name, value in found.items() if name != "reversals"})
    for back in found["reversals"]:
        print(f"{back['at']}  {back['kind']}: {back['amount']} {found['currency'] or ''}")
    return 0


def simulate(
    settings: Settings, provider: ProviderName, url: str | None, paid: Paid, *, secret: str | None, as_json: bool
) -> int:
    """Send one notification and print what was answered; exit status 1 where it was refused.

    Raises `InvalidRequest` and `WebhookUnreachable`.
    """
    known = getattr(settings, PROVIDERS[provider].secret)
    key = secret or (known.get_secret_value().partition(",")[0].strip() if known else "")
    if not key:
        words("konversi: no secret (--secret or the provider's setting), so this is signed with none.")
    told = samples.Told(
        paid.state,
        paid.payment or f"SIMULATED{unique()}",
        paid.booking,
        _amount(paid.amount, "--amount"),
        paid.currency.upper(),
        int(now()),
        back=_amount(paid.back, "--back") if paid.back is not None else None,
        email=paid.email,
    )
    call = samples.call(provider, told, key)
    answer = post(url or f"{gateway_url(settings)}/webhooks/{provider}", call.body, call.headers)
    said = {
        "provider": provider,
        "state": told.state,
        "payment_id": told.payment,
        "booking": told.booking,
        "status": answer.status_code,
        "answer": answer.text[:SHOWN],
    }
    if as_json:
        print_json(said)
    else:
        fields(said)
    return 0 if answer.is_success else 1


def _amount(given: str, option: str) -> Decimal:
    found = major_amount(given)
    if found is None:
        raise InvalidRequest(f"{option}: send an amount in major units, such as 150000.")
    return found
