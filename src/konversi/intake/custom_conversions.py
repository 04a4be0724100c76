"""Making and listing custom conversions, behind the doors and the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from konversi.access.acting import Action, note
from konversi.errors import KonversiError
from konversi.events.faults import Fault
from konversi.events.names import event_name
from konversi.intake.catalogue import MetaAway
from konversi.intake.dataset_forms import MetaId  # noqa: TC001 - pydantic reads the annotations
from konversi.intake.invalid_fields import InvalidFields
from konversi.meta import custom_conversions as meta
from konversi.meta.answers import Kind
from konversi.meta.graph import Credentials
from konversi.settings.ads import account_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from konversi.meta.answers import Verdict
    from konversi.meta.graph import GraphClient

_AWAY = frozenset({Kind.NOT_SENT, Kind.IN_DOUBT, Kind.FAILED, Kind.THROTTLED})
_Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]
_Property = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,99}$")]
_Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


class ConversionRefused(KonversiError):
    """Meta would not make or list the custom conversions.

    Give the token's system user the ad account with the right to manage it (ads_management, or ads_read to list), put
    the token into META_ADS_TOKEN, and check META_AD_ACCOUNT_ID and the rule.
    """

    code = "conversion_refused"
    status = 422


def _account(value: str) -> str:
    try:
        return account_named(value)
    except ValueError:
        raise ValueError("must be an id such as act_123456789.") from None


class NewCustomConversion(BaseModel):
    """Which bookings count, as a rule over what Meta gets of them.

    `where` are properties of the event (`source`, or one of `custom`) and a text that each has to hold.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: _Text
    event: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)] = "Lead"
    source: _Text | None = None
    min_value: _Amount | None = None
    where: Annotated[dict[_Property, _Text], Field(max_length=10)] = Field(default_factory=dict)
    description: _Text | None = None
    value: _Amount | None = None
    account: Annotated[str, AfterValidator(_account)] | None = None
    dataset: MetaId | None = None


class CustomConversions:
    """Of the configured ad accounts."""

    def __init__(
        self,
        *,
        accounts: Sequence[str],
        dataset: str | None,
        credentials: tuple[str, str | None] | None,
        open_graph: Callable[[], AbstractAsyncContextManager[GraphClient]],
    ) -> None:
        """`dataset` counts where none is named; `credentials` are the token and the app's secret."""
        self._accounts = accounts
        self._dataset = dataset
        self._credentials = credentials
        self._open_graph = open_graph

    async def listed(self, account: str | None) -> dict[str, Any]:
        """Of one account, or of all. Raises `ConversionRefused`, `MetaAway` or `InvalidFields`."""
        found: list[dict[str, Any]] = []
        async with self._open_graph() as graph:
            for one in (account,) if account else self._accounts or (self._one(None),):
                known = await meta.listed(graph, self._to(one))
                if known.rows is None:
                    raise _error(known.verdict)
                found += [_described(one, row) for row in known.rows]
        return {"custom_conversions": found}

    async def create(self, form: NewCustomConversion) -> dict[str, Any]:
        """Make one; one of the same name and rule that is there already is the same. Raises as `listed`."""
        name = event_name(form.event)
        if isinstance(name, Fault):
            raise InvalidFields([name])
        account, dataset = self._one(form.account), form.dataset or self._dataset
        if dataset is None:
            raise _missing("dataset", "Name the dataset whose events count, or set META_PIXEL_ID.")
        wanted = meta.Wanted(form.name, name, form.source, form.min_value, form.where, form.description, form.value)
        async with self._open_graph() as graph:
            made = await meta.made(graph, self._to(account), dataset, wanted)
        if made.id is None:
            raise _error(made.verdict)
        if made.new:
            note(Action.CONVERSION_CREATED, made.id, account=account, name=form.name)
        return {
            "id": made.id,
            "new": made.new,
            "account": account,
            "dataset": dataset,
            "name": form.name,
            "type": meta.EVENT_TYPES.get(name, "OTHER"),
            "rule": meta.rule_of(wanted),
        }

    def _one(self, account: str | None) -> str:
        if account is None and len(self._accounts) != 1:
            raise _missing("account", "Name the ad account, as act_123456789, or set META_AD_ACCOUNT_ID to one.")
        return account or self._accounts[0]

    def _to(self, account: str) -> Credentials:
        if self._credentials is None:
            raise ConversionRefused("No token is set.")
        return Credentials(account, *self._credentials)


def _missing(field: str, remedy: str) -> InvalidFields:
    return InvalidFields([Fault(field, "missing", "is required.", remedy)])


def _described(account: str, row: dict[str, Any]) -> dict[str, Any]:
    named = {"id": "id", "name": "name", "type": "custom_event_type", "rule": "rule", "dataset": "event_source_id"}
    return {"account": account, **{ours: row.get(metas) for ours, metas in named.items()}}


def _error(verdict: Verdict) -> KonversiError:
    said = f"{verdict.reason.partition('. ')[0].rstrip('.')}."
    return MetaAway(said) if verdict.kind in _AWAY else ConversionRefused(said)
