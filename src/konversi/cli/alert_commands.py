"""The commands of alerts."""

from __future__ import annotations

from cyclopts import App

from konversi.cli.options import Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

alerts = App(name="alerts", help="What needs a person, and who is told of it.", help_format="plaintext")


@alerts.command(name="list")
def list_alerts(*, json: Json = False) -> int:
    """List what needs a person now (exit status 1 where anything does).

    Parameters
    ----------
    json:
        Print JSON for programs.
    """
    from konversi.cli import alerting

    return alerting.show_list(load(), as_json=json)


@alerts.command
def test() -> int:
    """Send a made-up alert to the webhook and the e-mail addresses of the settings, from here and at once."""
    from konversi.cli import alerting

    return alerting.test(load())
