"""Options that several commands have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from konversi.intake.payments.samples import State  # noqa: TC001 - cyclopts reads the annotations
from konversi.intake.whatsapp.samples import Kind  # noqa: TC001 - cyclopts reads the annotations

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for programs.")]
Given = Annotated[str | None, Parameter(negative="")]
SecretFile = Annotated[Path | None, Parameter(negative="", allow_leading_hyphen=True)]
Happening = Literal[
    "accepted", "delivered", "refused", "unlinked", "paused", "throttled", "failed", "unclear", "in_doubt", "not_sent",
    "abandoned",
]  # fmt: skip
Limit = Annotated[int, Parameter(validator=Number(gte=1, lte=500))]  # as the gateway's own lists


def _said(text: str) -> Parameter:
    return Parameter(help=text, negative="")


@Parameter(name="*")
@dataclass(frozen=True)
class Linking:
    """What is linked to an account."""

    dataset: Annotated[
        str | None, _said("A dataset to link it to instead; added with the token where one is given.")
    ] = None
    token_file: Annotated[
        SecretFile,
        _said("File that holds the token (`-` is standard input); the one that is known already where left out."),
    ] = None
    name: Annotated[str | None, _said("What people call the dataset.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Who:
    """A customer, by one identity or by several; a hash (SHA-256) will do as well."""

    phone: Annotated[str | None, _said("The customer's phone, in any spelling.")] = None
    email: Annotated[str | None, _said("The customer's e-mail.")] = None
    external_id: Annotated[str | None, _said("Your own customer number.")] = None
    whatsapp_user_id: Annotated[str | None, _said("The business-scoped user id of a WhatsApp user.")] = None
    page_scoped_user_id: Annotated[str | None, _said("Messenger's id of the customer.")] = None
    ig_sid: Annotated[str | None, _said("Instagram's id of the customer.")] = None

    @property
    def named(self) -> dict[str, str]:
        """What was given, as the doors take it."""
        return {name: value for name, value in vars(self).items() if value is not None}


@Parameter(name="*")
@dataclass(frozen=True)
class Said:
    """What a customer said about consent."""

    purpose: Annotated[str, _said("`ads` decides what Meta is told; others are kept for you.")] = "ads"
    source: Annotated[str, _said("Where the customer said it.")] = "cli"
    at: Annotated[str | None, _said("When, in ISO 8601 with a time zone; now where left out.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Simulated:
    """What a simulated message tells."""

    kind: Annotated[
        Kind,
        _said("ad-click, organic, status-ad (an ad in Status has no click id), or username (no phone is shown)."),
    ] = "ad-click"
    phone: Annotated[str | None, _said("The customer's phone with its country code.")] = None
    user_id: Annotated[str | None, _said("The customer's business-scoped user id.")] = None
    name: Annotated[str | None, _said("The name in the customer's profile.")] = None
    text: Annotated[str | None, _said("What the customer writes.")] = None
    ad_id: Annotated[str | None, _said("The ad that was clicked.")] = None
    click_id: Annotated[str | None, _said("The click's ctwa_clid; a new one each time where left out.")] = None
    waba: Annotated[str | None, _said("The WhatsApp Business Account that was written to.")] = None
    line: Annotated[str | None, _said("Its phone_number_id.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Paid:
    """What a simulated payment notification tells."""

    state: Annotated[State, _said("paid, pending, failed, refunded or disputed.")] = "paid"
    booking: Annotated[str, _said("The booking's id, as the provider's order id.")] = "BK-1001"
    amount: Annotated[str, _said("What was paid, in major units.")] = "150000"
    currency: Annotated[str, _said("Its currency.")] = "IDR"
    payment: Annotated[str | None, _said("The provider's id of the payment; a new one each time where left out.")] = (
        None
    )
    back: Annotated[str | None, _said("How much goes back, of what is refunded or disputed; all where left out.")] = (
        None
    )
    email: Annotated[str | None, _said("The payer's e-mail (Xendit and Stripe).")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class Matching:
    """Which events, as the filters of the page Events say it."""

    state: Annotated[
        Literal["waiting", "sending", "delivered", "dead", "expired", "held", "discarded", "withheld"] | None,
        _said("Only those in this state."),
    ] = None
    dataset: Annotated[str | None, _said("Only those of this dataset.")] = None
    event: Annotated[str | None, _said("Only this event, such as Lead.")] = None
    channel: Annotated[str | None, _said("Only this action source, such as business_messaging.")] = None
    cause: Annotated[str | None, _said("Only those with this reason, word for word.")] = None
    search: Annotated[str | None, _said("An event id, booking id, journey or fbtrace id, in full.")] = None
    since: Annotated[str | None, _said("Accepted since then: ISO 8601, in UTC where no zone is named.")] = None
    until: Annotated[str | None, _said("Accepted before then.")] = None
    in_doubt: Annotated[bool, _said("Only those of which a send is in doubt.")] = False

    def filters(self) -> dict[str, str]:
        """As the gateway calls them."""
        given = {
            "state": self.state,
            "dataset": self.dataset,
            "event": self.event,
            "channel": self.channel,
            "reason": self.cause,
            "q": self.search,
            "since": self.since,
            "until": self.until,
            "doubt": "yes" if self.in_doubt else None,
        }
        return {name: value for name, value in given.items() if value}
