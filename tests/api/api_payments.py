"""What the tests of the payment doors share."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from api_harness import EVENTS, PIXEL, TOKEN, lead

from konversi.intake.payments import samples
from konversi.settings import load

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

    from konversi.settings import Settings

KEYS = {"midtrans": "SB-Mid-server-secret", "xendit": "xendit-callback-token", "stripe": "whsec_test_secret"}
SECRETS = {
    "midtrans_server_key": KEYS["midtrans"],
    "xendit_callback_token": KEYS["xendit"],
    "stripe_webhook_secret": KEYS["stripe"],
}
PAYMENTS = "/v1/payments"


def with_providers(folder: Path) -> Settings:
    """Of a gateway over a database in that folder, with all providers set up."""
    return load(pixel_id=PIXEL, token=TOKEN, data_dir=folder, database_url=f"sqlite:///{folder}/k.db", **SECRETS)


def now() -> int:
    return int(time.time())


def told(state: str, payment: str, booking: str, amount: str | int = 150_000, **more: Any) -> samples.Told:
    return samples.Told(state, payment, booking, Decimal(amount), more.pop("currency", "IDR"), now(), **more)


def post(http: httpx2.Client, provider: str, call: samples.Signed) -> httpx2.Response:
    return http.post(f"/webhooks/{provider}", content=call.body, headers=call.headers)


def tell(http: httpx2.Client, provider: str, state: str, payment: str, booking: str, *amount: Any, **more: Any) -> Any:
    """The provider tells of a payment; what it was answered."""
    answer = post(
        http, provider, samples.call(provider, told(state, payment, booking, *amount, **more), KEYS[provider])
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def book(http: httpx2.Client, booking_id: str, **changed: Any) -> dict[str, Any]:
    answer = http.post(EVENTS, json=lead(booking_id=booking_id, **changed))
    assert answer.status_code == 202, answer.text
    return answer.json()


def purchases(http: httpx2.Client, **asked: Any) -> list[dict[str, Any]]:
    """The Purchases in the outbox, in full, oldest first."""
    found = http.get(EVENTS, params={"limit": 500, **asked}).json()["events"]
    in_full = [http.get(f"{EVENTS}/{one['receipt']}").json() for one in found if one["event"] == "Purchase"]
    return in_full[::-1]


def payments(http: httpx2.Client, **asked: Any) -> list[dict[str, Any]]:
    return http.get(PAYMENTS, params=asked).json()["payments"]
