"""All commands and their options.

Each calls one function elsewhere, loads only what that needs (the whole gateway takes more than a second), and returns
its exit status.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path  # noqa: TC003 - cyclopts reads the annotations
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, validators

from konversi._version import __version__
from konversi.cli.alert_commands import alerts
from konversi.cli.chat_commands import journeys, whatsapp
from konversi.cli.consent_commands import consent
from konversi.cli.custom_conversion_commands import custom_conversions
from konversi.cli.dataset_commands import datasets
from konversi.cli.db_commands import db
from konversi.cli.erase_commands import erase, export
from konversi.cli.event_commands import events
from konversi.cli.import_command import imports
from konversi.cli.options import Given, Happening, Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.cli.payment_commands import payments
from konversi.cli.people_commands import audit, keys, users
from konversi.cli.printing import words
from konversi.cli.spend_commands import spend
from konversi.cli.value_commands import value
from konversi.errors import InvalidSettings, KonversiError
from konversi.settings import load

USAGE_ERROR = 2
BAD_CONFIGURATION = 78  # EX_CONFIG: a service manager should not try again

app = App(
    name="konversi",
    version=__version__,
    help="The self-hosted conversion gateway for chat commerce.",
    help_format="plaintext",
)
app.command(events)
app.command(journeys)
app.command(payments)
app.command(consent)
app.command(erase)
app.command(export)
app.command(imports)
app.command(whatsapp)
app.command(datasets)
app.command(alerts)
app.command(db)
app.command(spend)
app.command(value)
app.command(custom_conversions)
app.command(users)
app.command(keys)
app.command(audit)


def run(arguments: list[str] | None = None) -> int:
    """Run a command. 0 is success, 1 a failure that was explained, 2 wrong usage, 78 settings that can't be used."""
    try:
        status = app(arguments, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return USAGE_ERROR
    except KonversiError as error:
        words(f"konversi: {error}")
        return BAD_CONFIGURATION if isinstance(error, InvalidSettings) else 1
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has gone: nothing is left to say
        return 1
    return status if isinstance(status, int) else 0


@app.command
def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    only: Annotated[Literal["intake", "delivery", "dashboard"] | None, Parameter(negative="")] = None,
    processes: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=256))] = 1,
    shared: Annotated[int | None, Parameter(show=False)] = None,
    parent: Annotated[int | None, Parameter(show=False)] = None,
    place: Annotated[int, Parameter(show=False)] = 0,
) -> int:
    """Run the gateway: the doors, the outbox and the delivery, until it is told to stop.

    Parameters
    ----------
    host:
        Address to listen on (KONVERSI_HOST, 127.0.0.1).
    port:
        Port to listen on (KONVERSI_PORT, 3000).
    only:
        Do a part of the work; others over the same PostgreSQL database do the rest (KONVERSI_ONLY).
    processes:
        So many processes that share the port, over one PostgreSQL database.
    shared:
        Descriptor of a listening socket that a parent process shares out.
    parent:
        The pid of that process.
    place:
        Which of its processes this is, from 0.
    """
    settings = load(host=host, port=port, only=only)
    if processes > 1:
        from konversi.cli.processes import serve_in

        return serve_in(processes, settings)
    from konversi.cli.serving import Share
    from konversi.cli.serving import serve as run_server

    return run_server(settings, None if shared is None or parent is None else Share(shared, parent, place))


@app.command
def sandbox(
    *,
    host: str = "127.0.0.1",
    port: int = 3001,
    ledger: Path | None = None,
    dataset: Annotated[list[str] | None, Parameter(negative="")] = None,
) -> int:
    """Run a local Meta that applies Meta's rules, to try things out without Meta.

    Parameters
    ----------
    host:
        Address to listen on.
    port:
        Port to listen on.
    ledger:
        File that keeps what it received; in memory where unset.
    dataset:
        A dataset that exists, as ID[:waba=WABA_ID][:page=PAGE_ID]; repeatable. Without any, all do.
    """
    from konversi.cli import sandboxing

    if port not in range(65_536):
        words("konversi: --port takes 0 to 65535.")
        return USAGE_ERROR
    return sandboxing.run(host, port, ledger, dataset or ())


@app.command
def demo(*, once: bool = False, data: bool = False, port: int = 3000, sandbox_port: int = 3001) -> int:
    """Start a local Meta and the gateway, send one booking, and show what happens to it.

    Parameters
    ----------
    once:
        End after the run instead of leaving both running; the exit status tells whether the event was delivered.
    data:
        First make up a day of traffic, so that the dashboard has something to show.
    port:
        Port of the gateway.
    sandbox_port:
        Port of the local Meta.
    """
    from konversi.cli import demo as demo_command

    return demo_command.run(once=once, data=data, port=port, sandbox_port=sandbox_port)


@app.command
def send(
    event: str | None = None,
    /,
    *,
    file: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    phone: Given = None,
    email: Given = None,
    name: Given = None,
    customer: Annotated[list[str] | None, Parameter(negative="")] = None,
    booking_id: Given = None,
    event_id: Given = None,
    value: float | None = None,
    currency: Given = None,
    service: Annotated[list[str] | None, Parameter(negative="")] = None,
    channel: Given = None,
    source: Given = None,
    occurred_at: Given = None,
    wait: float = 5.0,
    json: Json = False,
) -> int:
    """Report a conversion to the running gateway, or deliver it from here where none runs.

    Example: konversi send Lead --phone 0812-3456-7890 --name "Budi Santoso" --booking-id BK-1001 --value 150000

    Parameters
    ----------
    event:
        Lead, Purchase, InitiateCheckout, or any standard or custom event; left out with --file.
    file:
        A JSON event as POST /v1/events takes it; `-` reads standard input.
    phone:
        The customer's phone, in any spelling.
    email:
        The customer's e-mail address.
    name:
        The customer's full name.
    customer:
        What else is known of the customer, as "FIELD=VALUE" (city=Jaksel, lead_id=...); can be given several times.
    booking_id:
        The booking; repeats of one booking collapse.
    event_id:
        An id of your own instead.
    value:
        The amount in major units: 150000 is one hundred and fifty thousand rupiah.
    currency:
        ISO 4217 code (KONVERSI_DEFAULT_CURRENCY, IDR).
    service:
        A service as "NAME=PRICE"; can be given several times.
    channel:
        whatsapp, messenger, instagram, website, store, phone, crm or app.
    source:
        Where the conversion comes from, for your own reports.
    occurred_at:
        When it happened: Unix seconds, or ISO 8601 with a time zone.
    wait:
        Seconds to wait for Meta's answer.
    json:
        Print JSON for programs.
    """
    from konversi.cli import sending

    if (event is None) == (file is None):
        words("konversi: give the event's name, or --file.")
        return USAGE_ERROR
    about = (phone, email, name, customer)
    if file and any((*about, booking_id, event_id, value, currency, service, channel, source, occurred_at)):
        words("konversi: with --file, everything about the event stands in the file.")
        return USAGE_ERROR
    given = sending.from_file(file) if file else sending.from_options(
        event=event, phone=phone, email=email, name=name, customer=customer or [], booking_id=booking_id,
        event_id=event_id, value=value, currency=currency, services=service or [], channel=channel,
        source=source, occurred_at=occurred_at,
    )  # fmt: skip
    return asyncio.run(sending.send(load(), given, wait=wait, as_json=json))


@app.command
def funnel(
    *,
    days: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=90))] = 7,
    by: Literal["ad", "day", "tool"] | None = None,
    json: Json = False,
) -> int:
    """How far the conversations came that ads opened: from the click to the booking and the payment.

    Parameters
    ----------
    days:
        The last days, of which today is one; with 1, the last 24 hours.
    by:
        For each ad, for each day, or what the agent's tools did.
    json:
        Print JSON for programs: all of it.
    """
    from konversi.cli import funnel as command

    return command.funnel(load(), days, by, as_json=json)


@app.command
def roi(
    *,
    by: Literal["campaign", "adset", "ad"] = "campaign",
    days: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=90))] = 28,
    json: Json = False,
) -> int:
    """What the ads cost and what came of them: per booking, per payment, and for each unit spent.

    Parameters
    ----------
    by:
        For each campaign, ad set or ad.
    days:
        The last days, of which today is one.
    json:
        Print JSON for programs: all of it.
    """
    from konversi.cli import roi as command

    return command.roi(load(), days, by, as_json=json)


@app.command
def status(*, json: Json = False) -> int:
    """How many events stand where, and whether anything needs you (exit status 1 where something does)."""
    from konversi.cli import looking

    return looking.status(load(), as_json=json)


@app.command
def tail(*, what: Happening | None = None, dataset: Given = None, event: Given = None, json: Json = False) -> int:
    """Watch what happens to events, a line each, while it happens.

    Example: konversi tail --what refused --json

    Parameters
    ----------
    what:
        Only this: accepted, delivered, refused, unlinked, paused, throttled, failed, unclear, in_doubt, not_sent or
        abandoned.
    dataset:
        Only events of this dataset.
    event:
        Only events of this name.
    json:
        Print JSON for programs, one object a line.
    """
    from konversi.cli import tailing

    return tailing.tail(load(), {"what": what, "dataset": dataset, "event": event}, as_json=json)


@app.command
def doctor(*, json: Json = False) -> int:
    """Check settings, token, dataset, clock, disk and database; say each fault's remedy (then exit status 1)."""
    from konversi.cli import doctor as doctor_command

    return asyncio.run(doctor_command.run(as_json=json))


@app.command(name="hash")
def hash_(
    field: str | None = None,
    value: str | None = None,
    /,
    *,
    country: str | None = None,
    stdin: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Show how one value of a customer is normalised and hashed.

    Example: konversi hash phone 0812-3456-7890 --country ID

    Parameters
    ----------
    field:
        phone, email, first_name, city... or Meta's key: ph, em, fn, ct...
    value:
        The value, in the clear.
    country:
        Country in which national phones are read (KONVERSI_DEFAULT_COUNTRY, ID).
    stdin:
        Read JSON lines {"field", "input", "country"} instead, and write one JSON line for each.
    json:
        Print JSON for programs.
    """
    from konversi.cli import hashing

    if stdin:
        return hashing.lines(country or load().default_country)
    if field is None or value is None:
        words("konversi: give FIELD and VALUE, or --stdin.")
        return USAGE_ERROR
    return hashing.one(field, value, country or load().default_country, as_json=json)
