"""The commands of consent."""

from __future__ import annotations

from cyclopts import App

from konversi.cli.options import Json, Said, Who
from konversi.settings import load

_NOBODY, _USUAL = Who(), Said()

consent = App(name="consent", help="What customers consent to.", help_format="plaintext")


@consent.command
def grant(*, who: Who = _NOBODY, said: Said = _USUAL, json: Json = False) -> int:
    """Record that a customer consents.

    Example: konversi consent grant --phone 081234567890 --source form

    Parameters
    ----------
    who:
        Who it is.
    said:
        What was said.
    json:
        Print JSON for programs.
    """
    return _decide("granted", who, said, as_json=json)


@consent.command
def deny(*, who: Who = _NOBODY, said: Said = _USUAL, json: Json = False) -> int:
    """Record that a customer was asked, and does not consent.

    Parameters
    ----------
    who:
        Who it is.
    said:
        What was said.
    json:
        Print JSON for programs.
    """
    return _decide("denied", who, said, as_json=json)


@consent.command
def withdraw(*, who: Who = _NOBODY, said: Said = _USUAL, json: Json = False) -> int:
    """Record that a customer does not consent any more. What still waits for Meta is not sent.

    Parameters
    ----------
    who:
        Who it is.
    said:
        What was said.
    json:
        Print JSON for programs.
    """
    return _decide("withdrawn", who, said, as_json=json)


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


def _decide(state: str, who: Who, said: Said, *, as_json: bool) -> int:
    from konversi.cli import consents as command

    told = {name: value for name, value in vars(said).items() if value is not None}
    return command.decide(load(), who, {"state": state, **told}, as_json=as_json)
