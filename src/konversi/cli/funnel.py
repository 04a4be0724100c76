"""`konversi funnel`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import words
from konversi.cli.reaching import reach
from konversi.insight.funnel import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from konversi.settings import Settings

By = Literal["ad", "day", "tool"]
_NAMES = ("ad clicks", "chats", "tool called", "booked", "reached Meta", "paid")
_BAR = 30  # characters


def funnel(settings: Settings, days: int, by: By | None, *, as_json: bool) -> int:
    """How far conversations from ads came."""
    found = reach(settings).funnel(days)
    if as_json:
        print_json(found)
        return 0
    if by is None and not any(stage["number"] for stage in found["stages"]):
        words("No chat came from an ad. They come with the first webhook: docs/how-to/stand-in-front-of-a-bot.md")
        return 0
    Console().print(_table(found, by, days))
    if by is None:
        said, slots = found["unfounded"]["chats"], found["found_only"]["chats"]
        words(f'In {said} the agent said "booked", and had not. {slots} found a time and never booked.')
        words("A chat counts for the time of its first click: the last days still grow.")
    if not found["complete"]:
        words("Older history is still being summed up, or no gateway runs that does it: the numbers will grow.")
    return 0


def _table(found: dict[str, Any], by: By | None, days: int) -> Table:
    if by == "ad":
        return _drawn(("ad", *_NAMES, "booked of chats"), map(_ad, found["ads"]))
    if by == "day":
        hourly = days == 1
        return _drawn(
            ("hour (UTC)" if hourly else "day (UTC)", *_NAMES), (_step(one, hourly=hourly) for one in found["steps"])
        )
    if by == "tool":
        names = ("tool", "calls", "succeeded", "half within", "95 of 100 within", "what went wrong")
        return _drawn(names, map(_tool, found["tools"]))
    return _drawn(("stage", "number", "of chats", "before", ""), _stages(found["stages"]))


def _drawn(names: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for place, name in enumerate(names):
        is_text = place == 0 or name in ("", "what went wrong")
        table.add_column(name, justify="left" if is_text else "right", overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table


def _stages(stages: list[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    widest = max(stage["number"] for stage in stages)
    for name, stage in zip(_NAMES, stages, strict=True):
        share = stage["of_chats"] if stage["stage"] != "clicks" else None
        bar = "█" * round(_BAR * stage["number"] / widest)
        yield name, f"{stage['number']:,}", _percent(share), f"{stage['before']:,}", f"[green]{bar}[/green]"


def _ad(ad: dict[str, Any]) -> tuple[str, ...]:
    return ad["ad"] or "without an ad", *(f"{ad[name]:,}" for name in STAGES), _percent(ad["booking_rate"])


def _step(step: dict[str, Any], *, hourly: bool) -> tuple[str, ...]:
    begin = datetime.fromtimestamp(step["start"], UTC)
    return f"{begin:%H:%M}" if hourly else f"{begin:%Y-%m-%d}", *(f"{step[name]:,}" for name in STAGES)


def _tool(tool: dict[str, Any]) -> tuple[str, ...]:
    errors = ", ".join(f"{error['kind']} {error['calls']:,}" for error in tool["errors"])
    times = (_seconds(tool["seconds"][share]) for share in ("p50", "p95"))
    return tool["tool"], f"{tool['calls']:,}", _percent(tool["success_rate"]), *times, errors


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value * 1_000:.0f} ms" if value < 1 else f"{value:.1f} s"
