"""Faults on demand: what goes wrong, for how many requests, with which dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.sandbox.call import Call

Kind = Literal[
    "token_expired", "token_invalid", "permission", "not_found", "refuse_event",
    "rate_limit", "business_rate_limit", "server_error", "server_error_empty", "transient", "not_ready", "unknown",
    "hang", "reset_before_accept", "reset_after_accept", "drip", "html", "empty", "huge", "short_received", "redirect",
    "latency", "recipient_not_allowed", "message_limit",
]  # fmt: skip

Edge = Literal["events", "dataset", "messages", "insights", "customconversions"]

_TAKES_THE_EVENTS: frozenset[Kind] = frozenset({"reset_after_accept", "drip", "huge", "short_received"})
_ONLY_FOR_POSTS: frozenset[Kind] = frozenset({"reset_after_accept", "short_received", "refuse_event"})
_EDGES: Mapping[Kind, Edge] = {
    "short_received": "events",
    "refuse_event": "events",
    "recipient_not_allowed": "messages",
    "message_limit": "messages",
}


class Fault(BaseModel):
    """A fault and its options. An option that the kind has no use for changes nothing."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    requests: int | None = Field(None, ge=1, description="How many sends it still meets; without it, until cleared.")
    dataset: str | None = Field(None, description="The dataset, account or phone number it is limited to, by its id.")
    edge: Edge | None = Field(None, description="The last part of the address that it is limited to.")
    method: Literal["GET", "POST"] | None = Field(None, description="The HTTP method it is limited to.")
    event_id: str | None = Field(None, description="Only requests with this event meet it.")
    only_action_source: str | None = Field(None, description="Only requests with an event of this source meet it.")
    accept: bool = Field(default=False, description="Take the events into the ledger before going wrong.")
    code: Literal[10, 200] = Field(200, description="permission: Meta's code for it.")
    status: int | None = Field(None, ge=200, le=599, description="The HTTP status instead of the usual one.")
    seconds: float = Field(1.0, ge=0, description="latency: before the answer; drip: between two bytes.")
    megabytes: int = Field(200, ge=1, description="huge: size of the body.")
    received: int | None = Field(None, ge=0, description="short_received: how many; without it, one too few.")
    retry_after: str | int | None = Field(None, description="Send this as Retry-After, whatever it is.")
    minutes: int = Field(1, ge=0, description="business_rate_limit: estimated_time_to_regain_access.")
    location: str = Field("http://127.0.0.1:9/", description="redirect: where to.")

    @model_validator(mode="after")
    def _what_the_kind_means(self) -> Fault:
        if self.kind == "refuse_event" and self.event_id is None:
            raise ValueError("refuse_event needs an event_id")
        if self.kind in _TAKES_THE_EVENTS:
            self.accept = True
        if self.kind in _ONLY_FOR_POSTS:
            self.method = "POST"
        self.edge = _EDGES.get(self.kind, self.edge)
        return self

    def meets(self, call: Call) -> bool:
        """Whether it goes for a request."""
        return (
            self.dataset in {None, call.node}
            and self.edge in {None, call.edge}
            and self.method in {None, call.method}
            and (self.event_id is None or self.event_id in call.all_of("event_id"))
            and (self.only_action_source is None or self.only_action_source in call.all_of("action_source"))
        )


class Faults:
    """Those in force, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def all(self) -> list[Fault]:
        return list(self._faults)

    def clear(self) -> None:
        self._faults.clear()

    def strike(self, call: Call) -> list[Fault]:
        """What goes wrong with this request: each delay, and the oldest other fault.

        They are counted down, but not by a look at a dataset, unless they are for looks only: so that a test knows how
        many sends a fault meets, whatever else the sender asks.
        """
        struck: list[Fault] = []
        spoilt = False
        for fault in self.all():
            is_delay = fault.kind == "latency"
            if not fault.meets(call) or (spoilt and not is_delay):
                continue
            spoilt = spoilt or not is_delay
            struck.append(fault)
            if call.method == "POST" or fault.method is not None:
                self._count_down(fault)
        return struck

    def _count_down(self, fault: Fault) -> None:
        if fault.requests is None:
            return
        fault.requests -= 1
        if fault.requests == 0:
            self._faults = [other for other in self._faults if other is not fault]
