"""The addresses of all pages, what every answer of theirs carries, and what may be asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response
from starlette.routing import Route

from konversi.dashboard import (
    account_page,
    ai_page,
    attention_page,
    audit_page,
    bench_page,
    consent_page,
    datasets_page,
    decisions,
    erasures_page,
    event_page,
    events_page,
    export,
    import_pages,
    journey_pages,
    keys_forms,
    login_page,
    overview_page,
    quality_page,
    return_page,
    system_page,
    tail_page,
    users_page,
    value_page,
)
from konversi.dashboard.asked import Asked
from konversi.dashboard.page import Moved, Page
from konversi.dashboard.rendering import render
from konversi.dashboard.roles import needed
from konversi.dashboard.static_files import serve
from konversi.dashboard.visitors import LoginNeeded, check_method, visitor
from konversi.errors import KonversiError
from konversi.intake.http.problems import headers, problem, unforeseen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from konversi.access.roles import Role

    Show: TypeAlias = Callable[[Asked], Awaitable[Page | Moved | Response]]

_SECURITY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

_PAGES: dict[str, Show] = {
    "/": overview_page.show,
    "/ai": ai_page.show,
    "/account": account_page.show,
    "/attention": attention_page.show,
    "/audit": audit_page.show,
    "/bench": bench_page.show,
    "/consent": consent_page.show,
    "/datasets": datasets_page.show,
    "/erasures": erasures_page.show,
    "/events": events_page.show,
    "/events/{receipt}": event_page.show,
    "/imports": import_pages.show_all,
    "/imports/{number}": import_pages.show_one,
    "/journeys": journey_pages.show_all,
    "/journeys/{journey}": journey_pages.show_one,
    "/quality": quality_page.show,
    "/return": return_page.show,
    "/system": system_page.show,
    "/users": users_page.show,
    "/tail": tail_page.show,
    "/value": value_page.show,
}
# Pages for who is not there yet: they have no twin in JSON.
_OUTSIDE: dict[str, Show] = {"/login": login_page.show, "/welcome": login_page.show_welcome}
_FILES: dict[str, Show] = {
    "/events/export.csv": export.as_csv,
    "/events/export.ndjson": export.as_ndjson,
    "/imports/{number}/result.csv": import_pages.verdicts,
}
_FORMS: dict[str, Show] = {
    "/bench": bench_page.check,
    "/bench.json": bench_page.check,
    "/bench/send": bench_page.send,
    "/consent": consent_page.look_up,
    "/consent.json": consent_page.look_up,
    "/consent/record": consent_page.record,
    "/return/pull": return_page.pull,
    "/events/decide": decisions.decide,
    "/imports/send": import_pages.send,
    "/imports/decide": import_pages.decide,
    "/account/password": account_page.change_password,
    "/account/sessions": account_page.end_sessions,
    "/datasets/add": datasets_page.add,
    "/datasets/check": datasets_page.check,
    "/datasets/remove": datasets_page.remove,
    "/erasures/forget": erasures_page.forget,
    "/keys/create": keys_forms.create,
    "/keys/revoke": keys_forms.revoke,
    "/language": system_page.choose_language,
    "/login": login_page.log_in,
    "/logout": login_page.log_out,
    "/users/add": users_page.add,
    "/users/change": users_page.change,
    "/value/keep": value_page.keep,
    "/value/try": value_page.try_out,
    "/welcome": login_page.use_welcome,
}


def pages() -> list[BaseRoute]:
    """The routes; what names a file comes before what would take any name."""
    twins = {"/overview.json" if path == "/" else f"{path}.json": show for path, show in _PAGES.items()}
    return [
        Route("/static/{name}", serve, methods=["GET"]),
        *(Route(path, _answer(show, needed(_page(path))), methods=["POST"]) for path, show in _FORMS.items()),
        *(
            Route(path, _answer(show, needed(_page(path))), methods=["GET"])
            for path, show in (_FILES | twins | _PAGES | _OUTSIDE).items()
        ),
    ]


def _page(path: str) -> str:
    """The page that this is the twin of, or the path itself."""
    return "/" if path == "/overview.json" else path.removesuffix(".json")


def _answer(show: Show, role: Role | None) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        asked = Asked(request)
        try:
            check_method(request)
            asked.visitor = await visitor(request)
            asked.visitor.check(role)
            given = await show(asked)
        except LoginNeeded as error:
            given = _fault(asked, error) if asked.wants_json else Moved(login_page.way_to(asked))
        except KonversiError as error:
            given = _fault(asked, error)
        except Exception as error:  # noqa: BLE001 - reported, and the visitor gets an answer
            given = _fault(asked, unforeseen(error))
        answered = given if isinstance(given, Response) else _written(asked, given)
        answered.headers.update(_SECURITY)
        answered.headers["vary"] = "accept-language, cookie"
        return answered

    return answer


def _written(asked: Asked, given: Page | Moved) -> Response:
    if isinstance(given, Moved):
        answer = Response(status_code=303, headers={**given.headers, "location": given.to})
        for name, value in given.cookies.items():
            answer.set_cookie(name, value, max_age=31_536_000, httponly=True, samesite="lax")
        return answer
    if asked.wants_json:
        return Response(orjson.dumps(given.data), given.status, media_type="application/json")
    return Response(render(asked, given), given.status, given.headers, "text/html")


def _fault(asked: Asked, error: KonversiError) -> Page | Response:
    if asked.wants_json or "authorization" in asked.request.headers:
        return Response(orjson.dumps(problem(error)), error.status, headers(error), "application/problem+json")
    return Page("fault.html", "Something is in the way", problem(error), status=error.status, headers=headers(error))
