"""The commands of forgetting people."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from konversi.cli.options import Json, Who
from konversi.settings import load

_NOBODY = Who()

export = App(name="export", help="Everything that is kept about a customer.", help_format="plaintext")
erase = App(name="erase", help="Forget a customer.", help_format="plaintext")


@erase.default
def erase_person(
    *,
    who: Who = _NOBODY,
    report: Annotated[str | None, Parameter(negative="")] = None,
    lift: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Forget a customer: remove everything, refuse what comes later, and report what Meta has.

    Example: konversi erase --phone 081234567890

    Parameters
    ----------
    who:
        Who it is. Give every identity you know: each is looked for, and refused later.
    report:
        Show the report of this erasure (such as er_000001) again instead.
    lift:
        Take this customer's data again instead: the customer came back.
    json:
        Print JSON for programs.
    """
    from konversi.cli import erasing

    if report is not None:
        return erasing.report(load(), report, as_json=json)
    if lift:
        return erasing.lift(load(), who, as_json=json)
    return erasing.erase(load(), who, as_json=json)


@export.default
def export_person(*, who: Who = _NOBODY, output: Annotated[str | None, Parameter(negative="")] = None) -> int:
    """Write everything that is kept about a customer as JSON, with what it is in plain words.

    Example: konversi export --phone 081234567890 --output customer.json

    Parameters
    ----------
    who:
        Who it is.
    output:
        The file to write, readable only for you; standard output where left out.
    """
    from konversi.cli import erasing

    return erasing.export(load(), who, output)
