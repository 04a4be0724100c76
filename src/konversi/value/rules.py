"""The business's rules about values, as it writes them down in TOML. `docs/how-to/tell-meta-what-it-is-worth.md`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotations
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from konversi.errors import InvalidSettings
from konversi.events.faults import Fault
from konversi.events.money import currency_code
from konversi.events.names import event_name

MOST_RULES = 500
LONGEST = 200_000  # characters of a file
PAID = frozenset({"Purchase", "OrderDelivered"})
_LEAD, _LEAD_IN_CHATS = "Lead", "LeadSubmitted"  # one stage: Meta's name for it depends on the channel


class ValueRulesInvalid(InvalidSettings):
    """The value rules can't be used, so none of them is.

    Correct the lines named; `konversi value check FILE` reads a file without using it.
    """

    code = "value_rules_invalid"
    status = 422


def stage_name(name: str) -> str:
    """One name for what Meta calls differently in chats that an ad opened and elsewhere."""
    return _LEAD_IN_CHATS if name == _LEAD else name


def _event(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    name = event_name(given.strip())
    if isinstance(name, Fault):
        raise ValueError(f"{name.detail} {name.remedy}")  # noqa: TRY004 - pydantic takes it as a complaint
    return stage_name(name)


def _currency(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    code = currency_code(given)
    if isinstance(code, Fault):
        raise ValueError(f"{code.detail} {code.remedy}")  # noqa: TRY004 - as above
    return code


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


Event = Annotated[str, BeforeValidator(_event)]
Currency = Annotated[str, BeforeValidator(_currency)]
Probability = Annotated[Decimal, Field(ge=0, le=1)]
Money = Annotated[Decimal, Field(ge=0, le=Decimal(10) ** 15)]
Share = Annotated[Decimal, Field(ge=0, le=100)]
_Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^(\x00-\x1f][^\x00-\x1f]*$")
]
_Pattern = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Patterns = Annotated[tuple[_Pattern, ...], BeforeValidator(_several), Field(min_length=1, max_length=200)]
Events = Annotated[tuple[Event, ...], BeforeValidator(_several), Field(min_length=1, max_length=40)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Rule(_Table):
    """What services of a kind are worth. The first rule that fits a service is the one that counts for it.

    `service`, `id` and `category` are compared without regard to case, and `*` stands for anything. All that are given
    have to fit; a rule without any of them fits everything, also a conversion without services.
    """

    name: _Name
    event: Events | None = None  # only for these; all where left out
    service: Patterns | None = None
    id: Patterns | None = None
    category: Patterns | None = None
    fixed: Money | None = None  # for one piece, in the rules' currency
    share: Share | None = None  # of the price
    margin: Probability | None = None  # of what it is worth: Meta's net_revenue
    show_up: Probability | None = None  # that a booking is paid in the end
    learned: bool = True  # false: what was learned from past bookings doesn't go before this rule's own figures

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.fixed is not None and self.share is not None:
            raise ValueError("says both `fixed` and `share`: keep one")
        if self.fixed is None and self.share is None and self.margin is None and self.show_up is None:
            raise ValueError("says nothing: give it `fixed`, `share`, `margin` or `show_up`")
        if self.show_up is not None and self.event is not None and PAID.issuperset(self.event):
            raise ValueError("has a `show_up` for what is paid already: leave it out")
        return self


class Stage(_Table):
    """What one event is worth, whatever the service."""

    fixed: Money | None = None  # of the whole conversion, in the rules' currency
    show_up: Probability | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.fixed is None and self.show_up is None:
            raise ValueError("says nothing: give it `fixed` or `show_up`")
        return self


class PredictedLtv(_Table):
    """How Meta's predicted_ltv comes of a customer's own payments."""

    visits: Annotated[Decimal, Field(ge=1, le=1_000)]  # paid ones that a customer makes in all, on average
    weight: Annotated[Decimal, Field(ge=0, le=1_000)] = Decimal(
        2
    )  # payments that this conversion's own value counts as
    minimum_payments: Annotated[int, Field(strict=True, ge=0, le=1_000)] = 1  # with fewer it isn't sent


class Learning(_Table):
    """What past bookings may say instead of the rules, where there are enough of them."""

    use: Annotated[tuple[Literal["show_up", "value"], ...], Field(max_length=2)] = ()
    at_least: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 20  # bookings; payments for values
    after_days: Annotated[int, Field(strict=True, ge=1, le=365)] = 14  # by then a booking is paid, or it will not be
    months: Annotated[int, Field(strict=True, ge=1, le=60)] = 12  # of history that count, of 30 days each


class ValueRules(_Table):
    """All of them. Nothing in it: values are told as they were given."""

    currency: Currency | None = None  # of fixed amounts, and what others are converted to; the default one where unset
    rates: Annotated[Mapping[Currency, Annotated[Decimal, Field(gt=0, le=Decimal(10) ** 9)]], Field(max_length=200)] = (
        Field(default_factory=dict)
    )  # what one unit of another currency is worth in `currency`
    show_up: Probability | None = None
    stages: Annotated[Mapping[Event, Stage], Field(max_length=40)] = Field(default_factory=dict)
    rules: Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES)] = ()
    predicted_ltv: PredictedLtv | None = None
    learned: Learning = Learning()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two rules are called {twice[0]}: each needs a name of its own")
        paid = sorted(name for name, stage in self.stages.items() if name in PAID and stage.show_up is not None)
        if paid:
            raise ValueError(f"stages.{paid[0]} has a `show_up` for what is paid already: leave it out")
        return self


NO_RULES = ValueRules()


def read(text: str) -> ValueRules:
    """The rules in a TOML text. Raises `ValueRulesInvalid`, which names each place at fault."""
    if len(text) > LONGEST:
        raise ValueRulesInvalid(f"There are more than {LONGEST} characters of them.")
    try:
        return ValueRules.model_validate(tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise ValueRulesInvalid(f"It is no TOML: {error}.") from None
    except ValidationError as error:
        raise ValueRulesInvalid(_complaints(error)) from None


def _complaints(error: ValidationError) -> str:
    """Places as people count them: `rules.2` is the second rule."""
    lines = []
    for details in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in details["loc"])
        told = "is not a word that rules have" if details["type"] == "extra_forbidden" else details["msg"]
        lines.append(f"{place}: {told}." if place else f"{told}.")
    return " ".join(dict.fromkeys(lines))
