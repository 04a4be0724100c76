"""The commands of consent."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from konversi.cli.options import Json, Who
from konversi.settings import load

_NOBODY = Who()
_Purpose = Annotated[str, Parameter(help="`ads` decides what Meta is told; others are kept for you.", negative="")]
_Source = Annotated[str, Parameter(help="Where the customer said it.", negative="")]
_At = Annotated[str | None, Parameter(help="When, in ISO 8601 with a time zone; now where left out.", negative="")]

consent = App(name="consent", help="What customers consent to.", help_format="plaintext")


@consent.command
def grant(
    *, who: Who = _NOBODY, purpose: _Purpose = "ads", source: _Source = "cli", at: _At = None, json: Json = False
) -> int:
    """Record that a customer consents.

    Example: konversi consent grant --phone 081234567890 --source form

    Parameters
    ----------
    who:
        Who it is.
    """
    return _decide("granted", who, purpose, source, at, as_json=json)


@consent.command
def deny(
    *, who: Who = _NOBODY, purpose: _Purpose = "ads", source: _Source = "cli", at: _At = None, json: Json = False
) -> int:
    """Record that a customer was asked, and does not consent.

    Parameters
    ----------
    who:
        Who it is.
    """
    return _decide("denied", who, purpose, source, at, as_json=json)


@consent.command
def withdraw(
    *, who: Who = _NOBODY, purpose: _Purpose = "ads", source: _Source = "cli", at: _At = None, json: Json = False
) -> int:
    """Record that a customer does not consent any more. What still waits for Meta is not sent.

    Parameters
    ----------
    who:
        Who it is.
    """
    return _decide("withdrawn", who, purpose, source, at, as_json=json)


@consent.command
def show(*, who: Who = _NOBODY, json: Json = False) -> int:
    """Show what a customer said: what counts now, and everything before it.

    Parameters
    ----------
    who:
        Who it is.
    """
    from konversi.cli import consents as command

    return command.show(load(), who, as_json=json)


def _decide(state: str, who: Who, purpose: str, source: str, at: str | None, *, as_json: bool) -> int:
    from konversi.cli import consents as command

    said = {"state": state, "purpose": purpose, "source": source, **({"at": at} if at else {})}
    return command.decide(load(), who, said, as_json=as_json)
