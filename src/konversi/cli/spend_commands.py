"""The commands about what ads cost."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from konversi.cli.options import Given, Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

Days = Annotated[int, Parameter(validator=Number(gte=1, lte=90))]

spend = App(name="spend", help="What ads cost, as Meta says it.", help_format="plaintext")


@spend.command
def sync(*, account: Given = None, days: Days = 28, json: Json = False) -> int:
    """Pull what ads cost from Meta; the days pulled are replaced, so doing it again counts nothing twice.

    Parameters
    ----------
    account:
        Only this ad account, as act_123456789 (META_AD_ACCOUNT_ID).
    days:
        The last so many days.
    json:
        Print JSON for programs.
    """
    from konversi.cli import spending

    return spending.sync(load(), account, days, as_json=json)
