"""`konversi value check|dry-run|learn`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.cli.reaching import running
from konversi.wiring.valuing import open_valuing, rules_in, text_in

if TYPE_CHECKING:
    from pathlib import Path

    from konversi.settings import Settings
    from konversi.value.rules import Rule, ValueRules

_USAGE_ERROR = 2
_LONGEST = 900.0  # seconds
_SERVICES = ("service", "bookings", "paid", "seen_rate", "show_up", "paid_share", "payment", "ads")
_SUMS = ("events", "given", "sent", "would")


def check(settings: Settings, file: Path | None, *, as_json: bool) -> int:
    """Raises `ValueRulesInvalid`."""
    path = file or settings.value_rules
    if path is None:
        words("konversi: name a file, or set KONVERSI_VALUE_RULES.")
        return _USAGE_ERROR
    rules = rules_in(path, settings.retention_days)
    if as_json:
        print_json({"ok": True, "file": str(path), "rules": rules.model_dump(mode="json", exclude_none=True)})
        return 0
    for line in _said(rules, settings.default_currency):
        print(line)
    words("These rules can be used. See what they would have told: konversi value dry-run --rules FILE")
    return 0


def dry_run(settings: Settings, file: Path | None, days: int, *, as_json: bool) -> int:
    """Raises `ValueRulesInvalid`."""
    text = None if file is None else text_in(file)
    if file is not None:
        rules_in(file, settings.retention_days)
    found = _through_the_gateway(settings, "/v1/value/dry-run", {"days": str(days)}, {"rules": text})
    if found is None:
        found = asyncio.run(_dry_run(settings, text, days))
    if as_json:
        print_json(found)
        return 0
    if not found["events"]:
        words(f"No event of the last {days} days is kept.")
        return 0
    for title, rows, name in (("By event", "by_event", "event"), ("By rule", "by_rule", "rule")):
        if found[rows]:
            words(f"{title}:")
            table([_sums(row, name) for row in found[rows]], (name, *_SUMS))
    for one in found["examples"][:5]:
        words(f"{one['receipt']} {one['event']}: {' '.join(one['because'])}")
    words(f"Of {found['events']} events {found['changed']} would have been told otherwise than they were.")
    if found["unusable"]:
        words(f"For {found['unusable']} a price or a rate is missing: their value would have stayed as it was given.")
    if not found["complete"]:
        words("Older ones were not looked at.")
    return 0


def learn(settings: Settings, *, as_json: bool) -> int:
    """What past bookings teach."""
    found = _through_the_gateway(settings, "/v1/value/learn", {}, None)
    if found is None:
        found = asyncio.run(_learn(settings))
    if as_json:
        print_json(found)
        return 0
    if not found["bookings"]:
        words(f"No booking is {found['after_days']} days old yet: by then it is paid, or it will not be.")
        return 0
    table(
        [
            {**one, "service": one["service"] or "(none or several)", "payment": _money(one["payment"])}
            for one in found["services"]
        ],
        _SERVICES,
    )
    words(f"Of {found['bookings']} bookings {found['paid']} were paid. A service speaks from {found['at_least']} on.")
    if not found["used_for"]:
        words('The rules don\'t use it: add [learned] with use = ["show_up"] to them.')
    return 0


def _said(rules: ValueRules, currency: str) -> list[str]:
    lines = [f"Amounts are in {rules.currency or currency}."]
    lines += [f"1 {code} is {rate}." for code, rate in rules.rates.items()]
    lines += [] if rules.show_up is None else [f"All bookings: {rules.show_up} are paid in the end."]
    for name, stage in rules.stages.items():
        told = (("worth", stage.fixed), ("show-up", stage.show_up))
        lines.append(f"Stage {name}: " + ", ".join(f"{word} {number}" for word, number in told if number is not None))
    lines += [_rule(rule) for rule in rules.rules]
    if rules.predicted_ltv is not None:
        lines.append(f"predicted_ltv: {rules.predicted_ltv.visits} paid visits in all.")
    if rules.learned.use:
        lines.append(f"From {rules.learned.at_least} bookings on, learned: {', '.join(rules.learned.use)}.")
    return lines


def _rule(rule: Rule) -> str:
    of = [
        f"{name} {' or '.join(found)}"
        for name in ("service", "id", "category", "event")
        if (found := getattr(rule, name))
    ]
    told = (("fixed", rule.fixed), ("share", rule.share), ("margin", rule.margin), ("show-up", rule.show_up))
    figures = ", ".join(f"{word} {number}" for word, number in told if number is not None)
    return f"Rule {rule.name} ({' and '.join(of) or 'everything'}): {figures}"


def _sums(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: row[name], "events": row["events"], **{word: _money(row[word]) for word in _SUMS[1:]}}


def _money(amounts: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['currency']} {one['value']:,}" for one in amounts) or "-"


def _through_the_gateway(
    settings: Settings, path: str, params: dict[str, str], body: dict[str, Any] | None
) -> dict[str, Any] | None:
    """What the running gateway answered; nothing where none runs."""
    gateway = running(settings)
    if gateway is None:
        return None
    return gateway.ask("POST", path, params=params, body=body, seconds=_LONGEST)


async def _dry_run(settings: Settings, text: str | None, days: int) -> dict[str, Any]:
    async with open_valuing(settings) as valuing:
        return await valuing.dry_run(text, days)


async def _learn(settings: Settings) -> dict[str, Any]:
    async with open_valuing(settings) as valuing:
        await valuing.learn()
        return await valuing.lessons()
