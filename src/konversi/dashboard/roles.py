"""Which role each address of the pages needs.

A new page or form declares its role here, by the path that it has in `routes.py` (its `.json` twin needs the same).
Pages that show what happened to events need `VIEWER`. Forms that decide about events, ask Meta or send something
need `OPERATOR`. What changes users, keys, datasets or settings needs `ADMIN`. A path that is not here needs an admin,
and a test says that it was forgotten. A page sees who looks as `asked.visitor`, and a template asks
`may("operator")` before it shows a form.
"""

from __future__ import annotations

from konversi.access.roles import Role

NEEDS: dict[str, Role | None] = {
    "/": Role.VIEWER,
    "/ai": Role.VIEWER,
    "/account": Role.VIEWER,
    "/attention": Role.VIEWER,
    "/audit": Role.ADMIN,
    "/bench": Role.VIEWER,
    "/consent": Role.OPERATOR,
    "/datasets": Role.VIEWER,
    "/erasures": Role.ADMIN,
    "/events": Role.VIEWER,
    "/events/export.csv": Role.VIEWER,
    "/events/export.ndjson": Role.VIEWER,
    "/events/{receipt}": Role.VIEWER,
    "/imports": Role.VIEWER,
    "/imports/{number}": Role.VIEWER,
    "/imports/{number}/result.csv": Role.VIEWER,
    "/imports/decide": Role.OPERATOR,
    "/imports/send": Role.OPERATOR,
    "/journeys": Role.VIEWER,
    "/journeys/{journey}": Role.VIEWER,
    "/quality": Role.VIEWER,
    "/return": Role.VIEWER,
    "/return/pull": Role.OPERATOR,
    "/system": Role.VIEWER,
    "/users": Role.ADMIN,
    "/value": Role.VIEWER,
    "/value/keep": Role.ADMIN,
    "/value/try": Role.ADMIN,
    "/account/password": Role.VIEWER,  # one's own
    "/account/sessions": Role.VIEWER,  # one's own
    "/datasets/add": Role.ADMIN,
    "/tail": Role.VIEWER,
    "/bench/send": Role.OPERATOR,
    "/consent/record": Role.OPERATOR,
    "/datasets/check": Role.OPERATOR,
    "/datasets/remove": Role.ADMIN,
    "/erasures/forget": Role.ADMIN,
    "/events/decide": Role.OPERATOR,
    "/keys/create": Role.ADMIN,
    "/keys/revoke": Role.ADMIN,
    "/users/add": Role.ADMIN,
    "/users/change": Role.ADMIN,
    "/language": None,  # changes nothing but the visitor's own cookie
    "/login": None,
    "/logout": None,
    "/welcome": None,  # takes the secret of a link
    "/static/{name}": None,  # the login page has a style too
}


def needed(path: str) -> Role | None:
    """The role that a route's path needs; nothing where everybody may."""
    return NEEDS.get(path, Role.ADMIN)
