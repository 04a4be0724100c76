"""What became of each row, as lines of a file that names no customer."""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from konversi.imports.safe_cells import cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from konversi.events.faults import Fault, Note

COLUMNS = ("row", "verdict", "receipt", "event_id", "reason")


class Verdict(NamedTuple):
    """One row's."""

    row: int
    verdict: str  # accepted, repeated (this very report), known (its booking was reported before), refused
    receipt: str = ""
    event_id: str = ""
    reason: str = ""


def of_faults(faults: Iterable[Fault]) -> str:
    """What is wrong and what to do, in one cell."""
    return " ".join(dict.fromkeys(f"{fault.field}: {fault.detail} {fault.remedy}" for fault in faults))


def of_notes(left_out: Iterable[Fault], notes: Iterable[Note]) -> str:
    """What was left out or chosen of a row that was taken."""
    told = [f"{fault.field}: {fault.detail} Left out." for fault in left_out]
    return " ".join(dict.fromkeys([*told, *(f"{note.about}: {note.text}" for note in notes)]))


def packed(verdicts: Sequence[Verdict]) -> bytes:
    """Lines of CSV, compressed."""
    return zlib.compress(_csv(verdicts), 1)


def unpacked(body: bytes) -> bytes:
    """Lines of CSV."""
    return zlib.decompress(body)


def refusals(body: bytes) -> Iterator[Verdict]:
    """The rows of a packed part that were refused."""
    return (one for one in lines(body) if one.verdict == "refused")


def lines(body: bytes) -> Iterator[Verdict]:
    """All rows of a packed part."""
    for row, *rest in csv.reader(io.StringIO(unpacked(body).decode(), newline="")):
        yield Verdict(int(row), *rest)


def without(body: bytes, unwanted: Callable[[Verdict], bool]) -> tuple[bytes, int]:
    """A packed part without some of its lines, and how many those are."""
    rows = list(csv.reader(io.StringIO(unpacked(body).decode(), newline="")))
    kept = [[row, *rest] for row, *rest in rows if not unwanted(Verdict(int(row), *rest))]
    if len(kept) == len(rows):
        return body, 0
    text = io.StringIO()
    csv.writer(text).writerows(kept)  # as they are: cells were made safe when they were written first
    return zlib.compress(text.getvalue().encode(), 1), len(rows) - len(kept)


def head() -> bytes:
    """The first line."""
    return _csv([COLUMNS])


def counted(verdicts: Iterable[Verdict]) -> Counter[str]:
    """How many there are of each."""
    return Counter(verdict.verdict for verdict in verdicts)


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()
