"""The chat platforms' doors. What can be refused without its body is, and strangers' bodies share a limited room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.errors import KonversiError, MethodNotAllowed, WebhookNotVerified
from konversi.intake.http.bodies import read
from konversi.intake.http.native import Answer
from konversi.intake.signatures import same_secret
from konversi.intake.webhooks import check_headers, form_fields, platform_of, set_up, take

if TYPE_CHECKING:
    from starlette.types import Receive

    from konversi.intake.gateway import Gateway
    from konversi.intake.webhooks import Asked, Platform


async def answer(gateway: Gateway, asked: Asked, receive: Receive) -> Answer:
    """Take a call, whose body is still to come. Raises a `KonversiError` where it can't be taken."""
    name, platform = platform_of(asked.path)
    try:
        reply = await _answer(gateway, platform, asked, receive)
    except KonversiError as error:
        gateway.refused_calls.note(name, error.code)
        raise
    gateway.webhooks_heard[name] = gateway.clock.now()
    return reply


async def _answer(gateway: Gateway, platform: Platform, asked: Asked, receive: Receive) -> Answer:
    settings = gateway.settings
    if asked.method == "GET" and platform.verify_token is not None:
        return _handshake(asked, set_up(settings, platform.verify_token))
    if asked.method != "POST":
        raise MethodNotAllowed
    check_headers(platform, asked, settings)
    room = None if platform.proven_by_headers else gateway.room_for_strangers
    body = await read(receive, asked.headers, platform.most, room)
    reply = await take(gateway.listener, settings, platform, asked._replace(body=body))
    return Answer(200, reply.body, reply.content_type)


def _handshake(asked: Asked, verify_token: str) -> Answer:
    """Meta asks once, when the webhook is set up: the challenge goes back as it came."""
    query = dict(form_fields(asked.query))
    if query.get("hub.mode") != "subscribe" or not same_secret(verify_token, query.get("hub.verify_token")):
        raise WebhookNotVerified
    return Answer(200, query.get("hub.challenge", "").encode("utf-8", "replace"), "text/plain; charset=utf-8")
