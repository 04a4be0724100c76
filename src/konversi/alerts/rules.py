"""Which facts are worth waking somebody, in which words. Pure: a table, and what it makes of the facts.

An alert's cause is its rule and what it is about (a dataset): while that goes on it is one alert, whatever its numbers.
"""

from __future__ import annotations

from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
FIRST_WARNING = 14 * DAY  # before a token expires
_LAST_WARNING = 3 * DAY
_PATIENCE = 5 * MINUTE  # waiting that is shorter is no trouble, however near the deadline was when it came
_STUCK = 15 * MINUTE  # a breaker opens for seconds now and then
_NEAR = 6 * HOUR
STAGES = (0.5, 0.7, 0.9)  # of the time between acceptance and deadline


class Severity(StrEnum):
    """How soon somebody should look."""

    WARNING = "warning"  # today
    ERROR = "error"  # soon: events wait for a person
    CRITICAL = "critical"  # now: events are lost, or soon will be


class DatasetFacts(NamedTuple):
    """How one dataset stands."""

    dataset: str
    fault: str = ""  # what the last check of its token found
    token_left_seconds: float | None = None  # until its token expires, where that is soon
    paused: str = ""  # why delivery waits for a person
    open: str = ""  # why a breaker is open
    waiting_seconds: float = 0.0  # of the event that has been waiting longest
    spent: float = 0.0  # the largest share of its time that a waiting event has waited, 0 to 1
    left_seconds: float | None = None  # until the first deadline
    expired: int = 0
    held: int = 0
    dead: int = 0


class Finding(NamedTuple):
    """What an alert says. A higher stage of the same cause is told again."""

    rule: str
    dataset: str
    severity: Severity
    what: str
    remedy: str
    stage: int = 0

    @property
    def cause(self) -> str:
        """What it is one alert for."""
        return f"{self.rule}:{self.dataset}"


class Rule(NamedTuple):
    """A row of the table. `looks` gives what was found in plain words, or nothing; `stage` how far it has come."""

    name: str
    severity: Severity
    looks: Callable[[DatasetFacts], str]
    remedy: str
    stage: Callable[[DatasetFacts], int] = lambda _facts: 0
    severities: tuple[Severity, ...] = ()  # of the stages, from 1, where they differ


def _failing(facts: DatasetFacts) -> int:
    return sum(facts.spent >= share for share in STAGES) if facts.waiting_seconds >= _PATIENCE else 0


def _failing_words(facts: DatasetFacts) -> str:
    stage = _failing(facts)
    return f"Events have been waiting for {STAGES[stage - 1]:.0%} of the time that Meta allows." if stage else ""


def _near(facts: DatasetFacts) -> str:
    near = facts.left_seconds is not None and facts.left_seconds <= _NEAR and facts.waiting_seconds >= _PATIENCE
    return "Events will soon be too old for Meta: the first within six hours." if near else ""


def _expiring(facts: DatasetFacts) -> int:
    left = facts.token_left_seconds
    return 0 if left is None else sum(left <= before for before in (FIRST_WARNING, _LAST_WARNING))


def _expiring_words(facts: DatasetFacts) -> str:
    if not _expiring(facts):
        return ""
    days = ceil((facts.token_left_seconds or 0.0) / DAY)
    return (
        f"The access token expires in {days} day{'' if days == 1 else 's'}." if days > 0 else "The token has expired."
    )


def _stuck(facts: DatasetFacts) -> str:
    stuck = facts.open and not facts.paused and facts.waiting_seconds >= _STUCK
    return f"Delivery has been standing still. {facts.open}" if stuck else ""


_TOO_OLD = "became too old for Meta and can't be sent any more."


def _number(count: int, one: str, many: str) -> str:
    return "" if not count else f"1 event {one}" if count == 1 else f"{count} events {many}"


_RENEW = "Renew the token: konversi datasets add ID --token-file FILE, or META_CONVERSION_API_TOKEN. Nothing is lost."
_LOOK = "Run konversi doctor, and open the page Needs attention: it names the cause."

RULES = (
    Rule("token_fault", Severity.ERROR, lambda facts: facts.fault, _RENEW),
    Rule("token_expiring", Severity.WARNING, _expiring_words, _RENEW, _expiring, (Severity.WARNING, Severity.ERROR)),
    Rule("dataset_paused", Severity.ERROR, lambda facts: facts.paused, f"{_LOOK} Events wait until it is mended."),
    Rule("delivery_stuck", Severity.WARNING, _stuck, "Konversi goes on trying. Check the network and Meta's status."),
    Rule(
        "delivery_failing",
        Severity.ERROR,
        _failing_words,
        _LOOK,
        _failing,
        (Severity.ERROR, Severity.ERROR, Severity.CRITICAL),
    ),
    Rule("deadline_near", Severity.CRITICAL, _near, f"{_LOOK} What becomes too old can't be sent any more."),
    Rule(
        "events_expired",
        Severity.CRITICAL,
        lambda facts: _number(facts.expired, _TOO_OLD, _TOO_OLD),
        "Mend what held them up, then discard them on the page Needs attention.",
    ),
    Rule(
        "events_held",
        Severity.WARNING,
        lambda facts: _number(facts.held, "waits for your decision.", "wait for your decision."),
        "Look in Events Manager whether Meta has them, then replay or discard them.",
    ),
    Rule(
        "events_refused",
        Severity.WARNING,
        lambda facts: _number(facts.dead, "was refused by Meta for good.", "were refused by Meta for good."),
        "Mend what the reason names, then replay or discard them on the page Needs attention.",
    ),
)


def findings(datasets: Iterable[DatasetFacts]) -> list[Finding]:
    """What is wrong now."""
    found = []
    for facts in datasets:
        for rule in RULES:
            if what := rule.looks(facts):
                stage = rule.stage(facts)
                severity = rule.severities[stage - 1] if stage and rule.severities else rule.severity
                found.append(Finding(rule.name, facts.dataset, severity, what, rule.remedy, stage))
    return found
