"""The commands of consent."""

from __future__ import annotations

from cyclopts import App

from konversi.cli.options import Given, Json, Who
from konversi.settings import load

_NOBODY = Who()

consent = App(name="consent", help="What customers consent to.", help_format="plaintext")


@consent.command
def grant(
    *, who: Who = _NOBODY, purpose: str = "ads", source: str = "cli", at: Given = None, json: Json = False
) -> int:
    """Record that a customer consents.

    Example: konversi consent grant --phone 081234567890 --source form

    Parameters
    ----------
    who:
        Who it is.
    purpose:
        `ads` decides what Meta is told; others are kept for you.
    source:
        Where the customer said it.
    at:
        When, in ISO 8601 with a time zone; now where left out.
    json:
        Print JSON for programs.
    """
    return _decide("granted", who, purpose, source, at, as_json=json)


@consent.command
def deny(*, who: Who = _NOBODY, purpose: str = "ads", source: str = "cli", at: Given = None, json: Json = False) -> int:
    """Record that a customer was asked, and does not consent.

    Parameters
    ----------
    who:
        Who it is.
    purpose:
        `ads` decides what Meta is told; others are kept for you.
    source:
        Where the customer said it.
    at:
        When, in ISO 8601 with a time zone; now where left out.
    json:
        Print JSON for programs.
    """
    return _decide("denied", who, purpose, source, at, as_json=json)


@consent.command
def withdraw(
    *, who: Who = _NOBODY, purpose: str = "ads", source: str = "cli", at: Given = None, json: Json = False
) -> int:
    """Record that a customer does not consent any more. What still waits for Meta is not sent.

    Parameters
    ----------
    who:
        Who it is.
    purpose:
        `ads` decides what Meta is told; others are kept for you.
    source:
        Where the customer said it.
    at:
        When, in ISO 8601 with a time zone; now where left out.
    json:
        Print JSON for programs.
    """
    return _decide("withdrawn", who, purpose, source, at, as_json=json)


@consent.command
def show(*, who: Who = _NOBODY, json: Json = False) -> int:
    """Show what a customer said: what counts now, and everything before it.

    Parameters
    ----------
    who:
        Who it is.
    json:
        Print JSON for programs.
    """
    from konversi.cli import consents as command

    return command.show(load(), who, as_json=json)


def _decide(state: str, who: Who, purpose: str, source: str, at: str | None, *, as_json: bool) -> int:
    from konversi.cli import consents as command

    said = {"state": state, "purpose": purpose, "source": source, **({"at": at} if at else {})}
    return command.decide(load(), who, said, as_json=as_json)
