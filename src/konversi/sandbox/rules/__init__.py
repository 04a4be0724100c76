"""Meta's rules for events, written from its documentation alone: the gateway's rules live elsewhere on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.sandbox.errors import NOT_AN_OBJECT, Refusal
from konversi.sandbox.rules import messaging, money, people, shape, special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.sandbox.rules.scene import Rule, Scene

RULES: tuple[Rule, ...] = (
    shape.name,
    shape.source,
    shape.time,
    shape.identity,
    shape.code_of_request,
    shape.page,
    shape.opt_out,
    shape.original,
    people.given,
    people.plain,
    messaging.messaging,
    people.hashed,
    people.address,
    people.click,
    people.browser,
    people.lead,
    people.enough,
    money.given,
    money.value,
    money.currency,
    money.contents,
    money.details,
    special.limited_data_use,
    special.app,
)


def first_refusal(events: Sequence[Any], scene: Scene) -> Refusal | None:
    """Why the whole request is refused: what the first of its events breaks first. `None`: all may pass."""
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            return Refusal(NOT_AN_OBJECT, (str(index),))
        for rule in RULES:
            refusal = rule(event, scene)
            if refusal is not None:
                return refusal._replace(path=(str(index), *refusal.path))
    return None
