"""The commands of custom conversions."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from konversi.cli.options import Given, Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

Where = Annotated[list[str] | None, Parameter(negative="", allow_leading_hyphen=False)]

custom_conversions = App(
    name="custom-conversions",
    help="Kinds of bookings that ads can be optimised for, as custom conversions at Meta.",
    help_format="plaintext",
)


@custom_conversions.command
def create(
    name: str,
    /,
    *,
    event: str = "Lead",
    source: Given = None,
    min_value: float | None = None,
    where: Where = None,
    description: Given = None,
    value: float | None = None,
    account: Given = None,
    dataset: Given = None,
    json: Json = False,
) -> int:
    """Make a custom conversion of a rule about bookings; one of the same name and rule is made once.

    Example: konversi custom-conversions create "Big bookings" --min-value 500000

    Parameters
    ----------
    name:
        What Ads Manager calls it.
    event:
        The conversion's event. In chats from ads Meta hears another name: both count.
    source:
        Only bookings of this source, as the bot or the form reports it.
    min_value:
        Only bookings worth at least so much, in major units.
    where:
        Only where a property of the event holds a text, as KEY=TEXT; repeatable.
    description:
        What Ads Manager says of it.
    value:
        What one is worth where the event has no value.
    account:
        The ad account, as act_123456789 (META_AD_ACCOUNT_ID).
    dataset:
        The dataset whose events count (META_PIXEL_ID).
    json:
        Print JSON for programs.
    """
    from konversi.cli import custom_conversions as command

    given = {
        "name": name,
        "event": event,
        "source": source,
        "min_value": min_value,
        "description": description,
        "value": value,
        "account": account,
        "dataset": dataset,
    }
    return command.create(load(), given, where or (), as_json=json)


@custom_conversions.command(name="list")
def list_conversions(*, account: Given = None, json: Json = False) -> int:
    """List the custom conversions that Meta has.

    Parameters
    ----------
    account:
        Only of this ad account, as act_123456789 (META_AD_ACCOUNT_ID).
    json:
        Print JSON for programs.
    """
    from konversi.cli import custom_conversions as command

    return command.show_list(load(), account, as_json=json)
