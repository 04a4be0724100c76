"""The doors of chat platforms and payment providers, in whose calls strangers' bodies share a limited room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.errors import KonversiError, MethodNotAllowed, WebhookNotVerified
from konversi.intake.answer import Answer
from konversi.intake.hot_paths import WEBHOOK_PATHS
from konversi.intake.http.bodies import read
from konversi.intake.payments.doors import PROVIDERS
from konversi.intake.payments.doors import take as take_payment
from konversi.intake.signatures import same_secret
from konversi.intake.webhooks import Platform, check_headers, form_fields, platform_of, set_up, take

if TYPE_CHECKING:
    from starlette.types import Receive

    from konversi.intake.gateway import Gateway
    from konversi.intake.payments.doors import Provider
    from konversi.intake.webhooks import Asked, Reply


async def answer(gateway: Gateway, asked: Asked, receive: Receive) -> Answer:
    """Take a call, whose body is still to come. Raises a `KonversiError` where it can't be taken."""
    name = asked.path.removeprefix(WEBHOOK_PATHS)
    caller = PROVIDERS[name] if name in PROVIDERS else platform_of(asked.path)[1]
    try:
        reply = await _answer(gateway, caller, asked, receive)
    except KonversiError as error:
        gateway.refused_calls.note(name, error.code)
        raise
    gateway.webhooks_heard[name] = gateway.clock.now()
    return reply


async def _answer(gateway: Gateway, caller: Platform | Provider, asked: Asked, receive: Receive) -> Answer:
    settings = gateway.settings
    if asked.method == "GET" and caller.verify_token is not None:
        return _handshake(asked, set_up(settings, caller.verify_token))
    if asked.method != "POST":
        raise MethodNotAllowed
    check_headers(caller, asked, settings)
    room = None if caller.proven_by_headers else gateway.room_for_strangers
    body = await read(receive, asked.headers, caller.most, room)
    reply = await _take(gateway, caller, asked._replace(body=body))
    return Answer(200, reply.body, reply.content_type)


async def _take(gateway: Gateway, caller: Platform | Provider, asked: Asked) -> Reply:
    if isinstance(caller, Platform):
        return await take(gateway.listener, gateway.settings, caller, asked)
    return await take_payment(gateway.till, gateway.settings, caller, asked, gateway.told_payments)


def _handshake(asked: Asked, verify_token: str) -> Answer:
    """Meta asks once, when the webhook is set up: the challenge goes back as it came."""
    query = dict(form_fields(asked.query))
    if query.get("hub.mode") != "subscribe" or not same_secret(verify_token, query.get("hub.verify_token")):
        raise WebhookNotVerified
    return Answer(200, query.get("hub.challenge", "").encode("utf-8", "replace"), "text/plain; charset=utf-8")
