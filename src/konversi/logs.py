"""Logging: plain lines for people or JSON for machines, and never a token or an identity in either."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Literal

import orjson
import structlog

from konversi.clock import moment

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

_HIDDEN_KEYS = frozenset(
    {"access_token", "token", "authorization", "api_key", "secret", "user_data", "customer", "phone", "email", "name"}
)
_TOKEN = re.compile(r"""(EAA[A-Za-z0-9]{6})[A-Za-z0-9]+|(access_token[\\"']*\s*[=:]\s*[\\"']*|Bearer\s+)[^&\s"'\\]+""")


def redact(text: str) -> str:
    """The text without anything that looks like a Meta token: Meta's own error messages may echo it."""
    return _TOKEN.sub(lambda found: (found[1] or found[2]) + "****", text)


def _hide(_logger: Any, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in _HIDDEN_KEYS & record.keys():
        record[key] = "****"
    return record


def _line(_logger: Any, _method: str, record: MutableMapping[str, Any]) -> str:
    """The event, then what belongs to it."""
    event = record.pop("event", "")
    return " ".join([str(event), *(f"{key}={value!r}" for key, value in record.items() if value is not None)])


def _json(_logger: Any, method: str, record: MutableMapping[str, Any]) -> str:
    return orjson.dumps({"at": moment(), "level": method, **record}, default=str).decode()


_renderer: Callable[[Any, str, MutableMapping[str, Any]], str] = _line
_logger: Any = structlog.wrap_logger(
    logging.getLogger("konversi"),
    processors=[_hide, lambda logger, method, record: redact(_renderer(logger, method, record))],
    wrapper_class=structlog.BoundLogger,
)


def set_up(style: Literal["console", "json"] = "console", *, level: int = logging.INFO) -> None:
    """Send Konversi's lines to standard error. Called by the commands, never on import: a bot keeps its own logging."""
    global _renderer  # noqa: PLW0603 - one style for the process is the point
    _renderer = _json if style == "json" else _line
    root = logging.getLogger("konversi")
    root.handlers = [logging.StreamHandler(sys.stderr)]
    root.setLevel(level)
    root.propagate = False


def logger() -> Any:
    """A structlog logger over the standard library's `konversi`, which a bot can send where it likes."""
    return _logger
