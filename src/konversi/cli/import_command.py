"""`konversi import`: a file of conversions, through the running gateway or one that is opened for it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - cyclopts reads the annotations
from typing import Annotated

from cyclopts import App, Parameter

from konversi.cli.options import Given, Json  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

imports = App(name="import", help_format="plaintext")


@imports.default
def import_(
    file: Path,
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    event: Given = None,
    dataset: Given = None,
    time_zone: Given = None,
    currency: Given = None,
    column: Annotated[list[str] | None, Parameter(negative="")] = None,
    result: Annotated[Path | None, Parameter(negative="")] = None,
    json: Json = False,
) -> int:
    """Report what a file says happened: CSV, TSV or XLSX, in any usual encoding (exit status 1 where rows are refused).

    It shows how the columns were understood and what would come of each row, asks, and then sends. The same file again
    sends nothing new; one that was broken off goes on. What was reported live with the same booking isn't sent again.

    Example: konversi import sales.xlsx --dry-run

    Parameters
    ----------
    file:
        The file; its first row names the columns.
    dry_run:
        Send nothing.
    yes:
        Send without a rehearsal and without asking.
    event:
        What its rows report (Purchase where there are amounts, else Lead).
    dataset:
        The dataset they go to (the one of META_PIXEL_ID, or the chat's own).
    time_zone:
        The zone of its times, such as Asia/Makassar (the default country's, where it has one).
    currency:
        The currency of its amounts (KONVERSI_DEFAULT_CURRENCY).
    column:
        FIELD=NAME where a column was not understood, such as phone="Kontak WA"; repeatable. FIELD= leaves one out.
    result:
        File for the verdicts on the rows (FILE.result.csv).
    json:
        Print JSON for programs; implies that nobody can be asked.
    """
    from konversi.cli import importing  # noqa: PLC0415 - loads the whole gateway

    wishes = {"event": event, "dataset": dataset, "time_zone": time_zone, "currency": currency, "column": column or []}
    how = importing.How(dry_run=dry_run, yes=yes or json, as_json=json, result=result)
    return importing.run(load(), file, wishes, how)
