"""What a check found, and how it is shown."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Finding(NamedTuple):
    """What a check found."""

    check: str
    mark: Mark
    found: str
    remedy: str = ""


def sound(findings: Iterable[Finding]) -> bool:
    """Whether there is no fault."""
    return all(finding.mark is not Mark.FAULT for finding in findings)


def show(findings: Sequence[Finding]) -> None:
    """Print findings for people."""
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        print(f"{finding.mark:<8} {finding.check:<{width}}  {finding.found}")
        if finding.remedy:
            print(f"{'':<8} {'':<{width}}  -> {finding.remedy}")
