"""Which of the due events make the next batch. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.outbox.port import Candidate, Choice

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_EVENTS = 1_000  # Meta refuses more in a request
MOST_BYTES = 900_000  # Meta is said to refuse about 1 MB


def next_batch(candidates: Sequence[Candidate], now: float, *, most: int = MOST_EVENTS) -> Choice:
    """The batch that starts with the first candidate, and the candidates that are too old to be sent.

    Events that were in a refused batch travel only with others of the same limit, so that one bad event holds up as few
    good ones as can be. Order is kept.
    """
    expired = [candidate.id for candidate in candidates if candidate.deadline <= now]
    fresh = [candidate for candidate in candidates if candidate.deadline > now]
    if not fresh:
        return Choice((), expired)
    limit = fresh[0].batch_limit
    batch: list[int] = []
    size = 0
    for candidate in fresh:
        if candidate.batch_limit != limit:
            continue
        size += candidate.size + 1
        if batch and (size > MOST_BYTES or len(batch) >= min(limit, most)):
            break
        batch.append(candidate.id)
    return Choice(batch, expired)


def halved(events: int) -> int:
    """The batch limit after a batch of so many events was refused: bisection, spread over the next batches."""
    return (events + 1) // 2
