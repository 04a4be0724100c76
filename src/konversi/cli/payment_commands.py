"""The commands of payments."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from konversi.cli.options import Json, Limit, Paid
from konversi.intake.payments.samples import ProviderName  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

_AS_USUAL = Paid()

payments = App(name="payments", help="Look at payments, and try the providers' webhooks.", help_format="plaintext")


@payments.command(name="list")
def list_payments(
    *,
    provider: str | None = None,
    booking_id: str | None = None,
    flag: Literal["other_currency", "more_than_booked", "less_than_booked", "unjoined", "refused"] | None = None,
    limit: Limit = 20,
    json: Json = False,
) -> int:
    """List payments, newest first.

    Parameters
    ----------
    provider:
        Only those of midtrans, xendit, stripe, or what else was given as the provider.
    booking_id:
        Only those for this booking.
    flag:
        Only those that a person should look at, because of this.
    limit:
        At most so many, up to 500.
    json:
        Print JSON for programs.
    """
    from konversi.cli import payments as command

    wanted = {"provider": provider, "booking_id": booking_id, "flag": flag, "limit": str(limit)}
    return command.list_payments(load(), wanted, as_json=json)


@payments.command
def show(payment: str, /, *, json: Json = False) -> int:
    """Show one payment: its state, how it was joined, its Purchase, and what went back.

    Parameters
    ----------
    payment:
        Its id, such as pm_000000001.
    json:
        Print JSON for programs.
    """
    from konversi.cli import payments as command

    return command.show(load(), payment, as_json=json)


@payments.command
def simulate(
    provider: ProviderName,
    url: str | None = None,
    /,
    *,
    paid: Paid = _AS_USUAL,
    secret: str | None = None,
    json: Json = False,
) -> int:
    """Post one signed notification, as the provider does; exit status 1 where it was refused.

    Example: konversi payments simulate midtrans --booking BK-1001 --amount 150000

    Parameters
    ----------
    provider:
        midtrans, xendit or stripe.
    url:
        Where to; the running gateway's own door where left out.
    paid:
        What it tells.
    secret:
        What it is signed with (MIDTRANS_SERVER_KEY, XENDIT_CALLBACK_TOKEN or STRIPE_WEBHOOK_SECRET).
    json:
        Print JSON for programs.
    """
    from konversi.cli import payments as command

    return command.simulate(load(), provider, url, paid, secret=secret, as_json=json)
