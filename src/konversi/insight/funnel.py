"""How far the conversations of a period came, and what the agent's tools did in it: sums, beside the period before."""

from __future__ import annotations

from collections import Counter
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from konversi.insight.funnel_tables import funnel_parts, funnel_totals, tool_parts, tool_times
from konversi.insight.periods import by_step, stretches
from konversi.insight.waits import percentile
from konversi.journeys.tables import touches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

    from konversi.insight.periods import Period

_MOST_ADS = 200  # those with the most chats
_MOST_TOOLS = 100
_MOST_NAMED = 50  # of those, with their headline
COUNTS = ("clicks", "chats", "called", "succeeded", "delivered", "paid", "unfounded", "found_only")
STAGES = COUNTS[:6]
_NONE = (0,) * len(COUNTS)
_OUTCOMES = ("succeeded", "cached")  # of a tool call that gave what it was asked for
_WITH_TURNS = frozenset({"answered", "booked", "unfounded"})


class FunnelSums(NamedTuple):
    """What the tables say of a period; the totals also of the one before."""

    totals: Sequence[tuple[int, int, tuple[int, ...]]]  # hour, whether of ads, counts
    ads: Mapping[str, tuple[int, ...]]
    names: Mapping[str, str]  # an ad's headline, as the last click told it
    uses: Mapping[tuple[str, str, str], int]  # by tool, outcome and kind of error
    times: Mapping[tuple[str, int], int]  # by tool and bucket


def read(period: Period, connection: Connection) -> FunnelSums:
    """Their cost depends on the length of the period, hardly on how many conversations there were."""
    ads: dict[str, tuple[int, ...]] = {}
    uses: Counter[tuple[str, str, str]] = Counter()
    times: Counter[tuple[str, int]] = Counter()
    for every, since, until in stretches(period):
        for ad, *counts in _sums(connection, funnel_parts[every], ("ad",), since, until):
            ads[ad] = tuple(map(add, ads.get(ad, _NONE), map(int, counts)))
        for tool, outcome, kind, number in _sums(
            connection, tool_parts[every], ("tool", "outcome", "error_kind"), since, until
        ):
            uses[tool, outcome, kind] += int(number)
        for tool, bucket, number in _sums(connection, tool_times[every], ("tool", "bucket"), since, until):
            times[tool, bucket] += int(number)
    most = sorted((ad for ad in ads if ad), key=lambda ad: (-ads[ad][1], ad))[:_MOST_ADS]
    totals = select(*funnel_totals.c).where(funnel_totals.c.start >= period.start - period.before)
    return FunnelSums(
        [(start, of_ads, tuple(counts)) for start, of_ads, *counts in connection.execute(totals)],
        {ad: ads[ad] for ad in [*most, *([""] if "" in ads else [])]},
        {ad: name for ad in most[:_MOST_NAMED] if (name := _headline(connection, ad))},
        uses,
        times,
    )


def _sums(
    connection: Connection, table: Table, names: tuple[str, ...], since: int, until: int | None
) -> Sequence[Sequence[Any]]:
    """The sums of a stretch by these columns."""
    of = [table.c[name] for name in names]
    numbers = [func.sum(column) for column in table.columns if not column.primary_key]
    wanted = select(*of, *numbers).where(table.c.start >= since).group_by(*of)
    return connection.execute(wanted if until is None else wanted.where(table.c.start < until)).all()


def _headline(connection: Connection, ad: str) -> str | None:
    newest = select(touches.c.headline).where(touches.c.ad_id == ad).order_by(touches.c.at.desc()).limit(1)
    return connection.execute(newest).scalar()


def shape(sums: FunnelSums, period: Period) -> dict[str, Any]:
    """The sums as people and programs read them."""
    of_ads = [(start, counts) for start, is_of_ad, counts in sums.totals if is_of_ad]
    now = [row for row in of_ads if row[0] >= period.start]
    before = [row for row in of_ads if row[0] < period.end - period.before]
    total, earlier = _total(now), _total(before)
    return {
        "stages": [
            {
                "stage": stage,
                "number": total[stage],
                "before": earlier[stage],
                "of_chats": _share(total[stage], total["chats"]),
                "of_the_stage_before": _share(total[stage], total[previous]) if previous else None,
            }
            for stage, previous in zip(STAGES, (None, *STAGES), strict=False)
        ],
        "booking_rate": _share(total["succeeded"], total["chats"]),
        "booking_rate_before": _share(earlier["succeeded"], earlier["chats"]),
        "unfounded": {"chats": total["unfounded"], "before": earlier["unfounded"], **_answers(sums)},
        "found_only": {"chats": total["found_only"], "before": earlier["found_only"]},
        "steps": _steps(now, before, period),
        "ads": [_ad(ad, counts, sums.names.get(ad)) for ad, counts in sums.ads.items()],
        "tools": tools(sums.uses, sums.times),
    }


def _total(rows: Sequence[tuple[int, tuple[int, ...]]]) -> dict[str, int]:
    numbers = _NONE
    for _, counts in rows:
        numbers = tuple(map(add, numbers, counts))
    return dict(zip(COUNTS, numbers, strict=True))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _steps(
    now: Sequence[tuple[int, tuple[int, ...]]], before: Sequence[tuple[int, tuple[int, ...]]], period: Period
) -> list[dict[str, int]]:
    columns = {
        name: by_step(((start, counts[place]) for start, counts in now), period.steps)
        for place, name in enumerate(STAGES)
    }
    booked = COUNTS.index("succeeded")
    columns["succeeded_before"] = by_step(
        ((start, counts[booked]) for start, counts in before), period.steps, period.before
    )
    return [
        {"start": start, **{name: column[place] for name, column in columns.items()}}
        for place, start in enumerate(period.steps)
    ]


def _ad(ad: str, counts: tuple[int, ...], name: str | None) -> dict[str, Any]:
    told = dict(zip(COUNTS, counts, strict=True))
    return {"ad": ad or None, "name": name, **told, "booking_rate": _share(told["succeeded"], told["chats"])}


def _answers(sums: FunnelSums) -> dict[str, Any]:
    """Of the agent's answers, how many said "booked" where nothing was."""
    answers = {outcome: sums.uses.get(("", outcome, ""), 0) for outcome in _WITH_TURNS}
    number, said = sum(answers.values()), answers["unfounded"]
    return {"answers": said, "of_answers": number, "rate": _share(said, number)}


def tools(uses: Mapping[tuple[str, str, str], int], times: Mapping[tuple[str, int], int]) -> list[dict[str, Any]]:
    """Each tool that was called, that of the most calls first."""
    calls: Counter[str] = Counter()
    outcomes: dict[str, Counter[str]] = {}
    errors: dict[str, Counter[str]] = {}
    for (tool, outcome, kind), number in uses.items():
        if not tool or not number:
            continue
        calls[tool] += number
        outcomes.setdefault(tool, Counter())[outcome] += number
        if outcome not in _OUTCOMES:
            errors.setdefault(tool, Counter())[kind or outcome] += number
    return [
        {
            "tool": tool,
            "calls": number,
            "succeeded": (succeeded := sum(outcomes[tool][outcome] for outcome in _OUTCOMES)),
            "success_rate": succeeded / number,
            "outcomes": dict(outcomes[tool].most_common()),
            "errors": [{"kind": kind, "calls": calls_} for kind, calls_ in errors.get(tool, Counter()).most_common(20)],
            "seconds": {
                name: percentile({bucket: n for (of, bucket), n in times.items() if of == tool and n > 0}, share)
                for name, share in (("p50", 0.5), ("p95", 0.95))
            },
        }
        for tool, number in sorted(calls.items(), key=lambda one: (-one[1], one[0]))[:_MOST_TOOLS]
        if number > 0
    ]
