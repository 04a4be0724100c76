"""`konversi events replay`, `discard` and `export`: what is decided about many events, and a file of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from konversi.cli.over_http import OverHttp
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.cli.options import Matching
    from konversi.settings import Settings

_USAGE_ERROR = 2
_SECONDS = 120.0  # for a thousand events
_ASKED = {
    "replay": "Send {n} again? What Meta has already, it may count twice.",
    "discard": "Discard {n}? They are not sent.",
}


class Which(NamedTuple):
    """Which events are meant, beside those of receipts."""

    matching: Matching
    all: bool
    yes: bool


def decide(
    settings: Settings,
    what: Literal["replay", "discard"],
    receipts: Sequence[str],
    which: Which,
    because: str,
    *,
    as_json: bool,
) -> int:
    """Through the running gateway, which alone may write; exit status 1 where some were left as they are."""
    gateway, filters = OverHttp(settings), which.matching.filters()
    if bool(receipts) == which.all or (receipts and filters):
        words("konversi: name receipts, or --all with filters: konversi events replay --all --state dead")
        return _USAGE_ERROR
    if len(receipts) == 1:
        return _one(gateway, what, receipts[0], because, as_json=as_json)
    meant = {"receipts": list(receipts)} if receipts else filters
    number = _ask(gateway, what, meant, dry_run=True)["matching"]
    if number and not (receipts or which.yes or _sure(what, number)):
        return _USAGE_ERROR
    done = _all(gateway, what, meant, because) if number else 0
    found = {"matching": number, "done": done, "left": max(number, len(receipts)) - done}
    if as_json:
        print_json(found)
    else:
        fields(found)
    return 1 if found["left"] else 0


def _one(gateway: OverHttp, what: str, receipt: str, because: str, *, as_json: bool) -> int:
    body: dict[str, Any] | None = {"reason": because} if what == "discard" else None
    found = gateway.ask("POST", f"/v1/events/{receipt}/{what}", body=body)
    if as_json:
        print_json(found)
    else:
        fields(found)
    return 0


def _all(gateway: OverHttp, what: str, meant: dict[str, Any], because: str) -> int:
    done, further = 0, {"because": because}
    while True:
        found = _ask(gateway, what, {**meant, **further})
        done += int(found["done"])
        if found["after"] is None:
            return done
        further["after"] = found["after"]


def _ask(gateway: OverHttp, what: str, meant: dict[str, Any], **more: Any) -> dict[str, Any]:
    return gateway.ask("POST", "/v1/events/decide", body={"what": what, **meant, **more}, seconds=_SECONDS)


def _sure(what: str, number: int) -> bool:
    asked = _ASKED[what].format(n=f"{number:,} event{'' if number == 1 else 's'}")
    if not sys.stdin.isatty():
        words(f"{asked} Nobody can answer here: give --yes.")
        return False
    return input(f"{asked} [y/N] ").strip().lower() in ("y", "yes", "ya")


def export(settings: Settings, matching: Matching, form: Literal["csv", "ndjson"]) -> int:
    """The running gateway's own file."""
    for piece in OverHttp(settings).pieces(f"/events/export.{form}", matching.filters()):
        sys.stdout.buffer.write(piece)
    sys.stdout.flush()
    return 0
