"""Templates to HTML."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from konversi.dashboard import chart
from konversi.dashboard.language import NAMES
from konversi.dashboard.reasons import reason
from konversi.dashboard.static_files import address

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.dashboard.page import Page

# The pages by what brings people there: what happens today, what to learn of it, what to try, what to set up.
_MENU = (
    ("Today", (("/", "Overview"), ("/attention", "Needs attention"), ("/events", "Events"))),
    ("Learn", (("/ai", "AI metrics"), ("/journeys", "Journeys"), ("/quality", "Quality"), ("/return", "Return"))),
    ("Try", (("/bench", "Test bench"), ("/tail", "Live"), ("/imports", "Imports"))),
    ("Set up", (("/value", "Value"), ("/datasets", "Datasets"), ("/system", "System"))),
)

_CODE = re.compile(r"`([^`]+)`")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("konversi.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["breakable"] = _breakable
    environment.filters["urlencode_filled"] = lambda fields: urlencode({k: v for k, v in fields.items() if v})
    environment.globals.update(static=address, bars=chart.bars, line=chart.line, languages=NAMES)
    return environment


def render(asked: Asked, page: Page) -> str:
    """The whole page in the visitor's language."""
    return _environment().get_template(page.template).render(**_seen(asked), page=page, **page.data)


def _with_code(text: str) -> Markup:
    """What stands in backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it was escaped first


def _breakable(text: str) -> Markup:
    """A name that may go on in the next line behind each `_`."""
    return Markup("_<wbr>").join(text.split("_"))


def _seen(asked: Asked) -> dict[str, Any]:
    language, zone, path = asked.language, asked.zone, asked.path
    settings = asked.gateway.settings
    return {
        "t": language.say,
        "n_": language.count,
        "in_words": partial(reason, language.code),
        "with_code": lambda text: _with_code(reason(language.code, text)),
        "number": language.number,
        "money": language.money,
        "percent": language.percent,
        "round_money": language.round_money,
        "times": language.times,
        "share_": language.share,
        "ago": lambda at: language.seconds(max(0.0, asked.now - at)),
        "seconds": language.seconds,
        "time": lambda at: language.time(at, zone),
        "day": language.day,
        "step": lambda at, hourly: language.step(at, zone, hourly=hourly),
        "lang": language.code,
        "zone_name": zone.key,
        "menu": [(group, [(to, name, _is_at(path, to)) for to, name in pages]) for group, pages in _MENU],
        "here": asked.address,
        "testing": settings.test_event_code,
        "may": asked.visitor.may,
        "who": language.say(asked.visitor.name),
    }


def _is_at(path: str, page: str) -> bool:
    """Whether the address is the page's, or of something on it."""
    return path == page or (page != "/" and path.startswith(f"{page}/"))
