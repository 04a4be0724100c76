"""The commands about what Meta is told that conversions are worth."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - cyclopts reads the annotations
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from konversi.cli.options import Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

value = App(name="value", help="What Meta is told that conversions are worth.", help_format="plaintext")

Days = Annotated[int, Parameter(validator=Number(gte=1, lte=3_650))]


@value.command
def check(file: Path | None = None, /, *, json: Json = False) -> int:
    """Read value rules without using them (exit status 78 where they can't be used).

    Parameters
    ----------
    file:
        A TOML file; the one of KONVERSI_VALUE_RULES where left out.
    json:
        Print JSON for programs.
    """
    from konversi.cli import valuing

    return valuing.check(load(), file, as_json=json)


@value.command(name="dry-run")
def dry_run(
    *, rules: Annotated[Path | None, Parameter(negative="")] = None, days: Days = 28, json: Json = False
) -> int:
    """Show what rules would have told Meta of past events, beside what was told. Nothing is sent.

    Example: konversi value dry-run --rules new.toml --days 7

    Parameters
    ----------
    rules:
        A TOML file to try; the rules in effect where left out.
    days:
        The events of the last so many days, as far as they are kept.
    json:
        Print JSON for programs.
    """
    from konversi.cli import valuing

    return valuing.dry_run(load(), rules, days, as_json=json)


@value.command
def learn(*, json: Json = False) -> int:
    """Count what came of past bookings, and show what that teaches for each service.

    Parameters
    ----------
    json:
        Print JSON for programs.
    """
    from konversi.cli import valuing

    return valuing.learn(load(), as_json=json)
