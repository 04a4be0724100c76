"""Which identifiers and names each chat channel needs: the sandbox's verdicts, then the gateway's events under them.

The sandbox knows Meta's rules by itself, so what the gateway makes is judged by another's reading of them.
Source: Meta, Conversions API for business messaging; the outcomes on WhatsApp as measured in public.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from api_harness import EVENTS, PATIENCE, FakeMeta, Patient, Running, lead

from konversi.sandbox import Sandbox
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from konversi.intake.gateway import Gateway
    from konversi.settings import Settings

TOKEN = "EAA-a-token-for-the-sandbox"
WEBSITE = "5555555555"  # a website's pixel: no account is linked to it
WABA, PAGE, INSTAGRAM = "102290129340398", "1906385232743451", "17841400000000000"
CLICK = "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27v"
NO_SUBCODE = (100, None)

# Meta's closed list, and names that it refuses in chats that an ad opened.
TAKEN_NAMES = (
    "Purchase", "LeadSubmitted", "InitiateCheckout", "AddToCart", "ViewContent", "OrderCreated", "OrderShipped",
    "OrderDelivered", "OrderCanceled", "OrderReturned", "CartAbandoned", "QualifiedLead", "RatingProvided",
    "ReviewProvided",
)  # fmt: skip
REFUSED_NAMES = (
    "Lead", "Schedule", "Contact", "CompleteRegistration", "Subscribe", "StartTrial", "AddPaymentInfo", "Search",
    "SubmitApplication", "Repaint booked", "leadsubmitted", "purchase",
)  # fmt: skip

WHATSAPP_KEYS = {"ctwa_clid": CLICK, "whatsapp_business_account_id": WABA}
MESSENGER_KEYS = {"page_id": PAGE, "page_scoped_user_id": "24"}
INSTAGRAM_KEYS = {"ig_account_id": INSTAGRAM, "ig_sid": "55"}
KEYS = {"whatsapp": WHATSAPP_KEYS, "messenger": MESSENGER_KEYS, "instagram": INSTAGRAM_KEYS}
OWN = {"whatsapp": WABA, "messenger": PAGE, "instagram": INSTAGRAM}

# channel, the account whose dataset it goes to (None: the website's), identifiers, code and subcode (None: taken)
MATRIX = {
    "WhatsApp, click and account": ("whatsapp", WABA, WHATSAPP_KEYS, None),
    "WhatsApp, click and a Page": ("whatsapp", WABA, {"ctwa_clid": CLICK, "page_id": PAGE}, (100, 2804131)),
    "WhatsApp, click only": ("whatsapp", WABA, {"ctwa_clid": CLICK}, (100, 2804116)),
    "WhatsApp, to the website": ("whatsapp", None, WHATSAPP_KEYS, (100, 2804132)),
    "WhatsApp, to the website, click only": ("whatsapp", None, {"ctwa_clid": CLICK}, (100, 2804116)),
    "WhatsApp, another account": (
        "whatsapp",
        WABA,
        {**WHATSAPP_KEYS, "whatsapp_business_account_id": "102290129340399"},
        (100, 2804132),
    ),
    "WhatsApp, to the Page's": ("whatsapp", PAGE, WHATSAPP_KEYS, (100, 2804132)),
    "WhatsApp, account only": ("whatsapp", WABA, {"whatsapp_business_account_id": WABA}, NO_SUBCODE),
    "Messenger, Page and person": ("messenger", PAGE, MESSENGER_KEYS, None),
    "Messenger, Page only": ("messenger", PAGE, {"page_id": PAGE}, NO_SUBCODE),
    "Messenger, person only": ("messenger", PAGE, {"page_scoped_user_id": "24"}, (100, 2804116)),
    "Messenger, another Page": ("messenger", PAGE, {**MESSENGER_KEYS, "page_id": "190638523274"}, (100, 2804131)),
    "Messenger, to the website": ("messenger", None, MESSENGER_KEYS, (100, 2804131)),
    "Messenger, to WhatsApp's": ("messenger", WABA, MESSENGER_KEYS, (100, 2804131)),
    "Instagram, account and person": ("instagram", INSTAGRAM, INSTAGRAM_KEYS, None),
    "Instagram, the account's other name": (
        "instagram",
        INSTAGRAM,
        {"instagram_business_account_id": INSTAGRAM, "ig_sid": "55"},
        None,
    ),
    "Instagram, account only": ("instagram", INSTAGRAM, {"ig_account_id": INSTAGRAM}, NO_SUBCODE),
    "Instagram, person only": ("instagram", INSTAGRAM, {"ig_sid": "55"}, NO_SUBCODE),
    "Instagram, another account": (
        "instagram",
        INSTAGRAM,
        {**INSTAGRAM_KEYS, "ig_account_id": "17841499999999999"},
        NO_SUBCODE,
    ),
    "Instagram, to the website": ("instagram", None, INSTAGRAM_KEYS, NO_SUBCODE),
}


@pytest.fixture(scope="module")
def running_meta() -> Iterator[Sandbox]:
    with Sandbox(datasets=[WEBSITE, f"waba={WABA}", f"page={PAGE}", f"instagram={INSTAGRAM}"]) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_meta: Sandbox) -> Sandbox:
    running_meta.clear()
    return running_meta


def graph(sandbox: Sandbox, path: str, body: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {TOKEN}"}
    return httpx2.post(f"{sandbox.graph_url}/v26.0/{path}", json=body, headers=headers, timeout=PATIENCE)


def dataset_of(sandbox: Sandbox, account: str | None) -> str:
    """As an account's owner finds it; the website's for no account."""
    return WEBSITE if account is None else graph(sandbox, f"{account}/dataset", {}).json()["id"]


def verdict(
    sandbox: Sandbox, channel: str, account: str | None, keys: dict[str, str], name: str = "LeadSubmitted"
) -> tuple[int, int | None] | None:
    """Code and subcode of Meta's refusal; `None` where the event was taken."""
    event = {
        "event_name": name,
        "event_time": int(time.time()) - 60,
        "action_source": "business_messaging",
        "messaging_channel": channel,
        "user_data": keys,
        "custom_data": {"value": 150_000, "currency": "IDR"},
    }
    answer = graph(sandbox, f"{dataset_of(sandbox, account)}/events", {"data": [event]})
    if answer.status_code == 200:
        assert answer.json()["events_received"] == 1
        return None
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


@pytest.mark.parametrize(("channel", "account", "keys", "expected"), MATRIX.values(), ids=MATRIX)
def test_a_chats_event_needs_its_channels_identifiers_and_their_dataset(sandbox, channel, account, keys, expected):
    assert verdict(sandbox, channel, account, keys) == expected
    assert sandbox.counts()["events"] == (1 if expected is None else 0)


@pytest.mark.parametrize("name", TAKEN_NAMES)
@pytest.mark.parametrize("channel", KEYS)
def test_a_chat_that_an_ad_opened_knows_these_names(sandbox, channel, name):
    assert verdict(sandbox, channel, OWN[channel], KEYS[channel], name) is None


@pytest.mark.parametrize("name", REFUSED_NAMES)
@pytest.mark.parametrize("channel", KEYS)
def test_a_chat_that_an_ad_opened_refuses_other_names(sandbox, channel, name):
    assert verdict(sandbox, channel, OWN[channel], KEYS[channel], name) == (100, 2804066)


class _ToTheSandbox(Running):
    """A gateway with its own Graph client."""

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Gateway]:
        self.loop = asyncio.get_running_loop()
        async with open_gateway(self.settings, clock=Patient()) as gateway:
            self.gateway = gateway
            yield gateway


@contextmanager
def delivering(settings: Settings) -> Iterator[Running]:
    server = _ToTheSandbox(settings, None, FakeMeta())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def delivered(settings: Any, sandbox: Sandbox, account: str | None, **conversion: Any) -> tuple[Any, dict[str, Any]]:
    """What the sandbox holds of a conversion, and how the gateway shows it."""
    dataset = dataset_of(sandbox, account)
    configured = settings(graph_url=sandbox.graph_url, pixel_id=dataset, token=TOKEN)
    with delivering(configured) as server, server.client() as http:
        answer = http.post(EVENTS, json=lead(**conversion))
        assert answer.status_code == 202, answer.text
        shown = server.ended(answer.json()["receipt"])
    entries = sandbox.events(dataset=dataset)
    assert len(entries) <= 1
    return entries[0]["event"] if entries else None, shown


def test_a_whatsapp_conversion_with_its_click_arrives_as_a_submitted_lead(sandbox, settings):
    customer = {"phone": "628123456789", "whatsapp_business_account_id": WABA}
    event, shown = delivered(settings, sandbox, WABA, customer=customer, click={"ctwa_clid": CLICK})
    assert shown["state"] == "delivered"
    assert (event["event_name"], event["action_source"]) == ("LeadSubmitted", "business_messaging")
    assert event["messaging_channel"] == "whatsapp"
    assert event["user_data"]["ctwa_clid"] == CLICK
    assert event["user_data"]["whatsapp_business_account_id"] == WABA
    assert event["user_data"]["ph"]


@pytest.mark.parametrize("account", [WABA, None])
def test_a_whatsapp_conversion_without_a_click_arrives_as_a_lead_from_a_chat(sandbox, settings, account):
    customer = {"phone": "628123456789", "whatsapp_business_account_id": WABA}
    event, shown = delivered(settings, sandbox, account, channel="whatsapp", customer=customer)
    assert shown["state"] == "delivered"
    assert (event["event_name"], event["action_source"]) == ("Lead", "chat")
    assert set(event["user_data"]) == {"ph", "external_id"}
    assert "messaging_channel" not in event


def test_a_click_without_its_account_arrives_as_a_lead_from_a_chat(sandbox, settings):
    event, shown = delivered(settings, sandbox, WABA, click={"ctwa_clid": CLICK})
    assert shown["state"] == "delivered"
    assert (event["event_name"], event["action_source"]) == ("Lead", "chat")
    assert "ctwa_clid" not in event["user_data"]


@pytest.mark.parametrize("channel", ["messenger", "instagram"])
def test_messenger_and_instagram_conversions_arrive_on_their_channel(sandbox, settings, channel):
    keys = KEYS[channel]
    event, shown = delivered(settings, sandbox, OWN[channel], customer={"phone": "628123456789", **keys})
    assert shown["state"] == "delivered"
    assert (event["event_name"], event["messaging_channel"]) == ("LeadSubmitted", channel)
    assert {key: event["user_data"][key] for key in keys} == keys


def test_a_conversion_for_an_account_of_another_dataset_is_never_counted(sandbox, settings):
    customer = {"phone": "628123456789", "whatsapp_business_account_id": WABA}
    event, shown = delivered(settings, sandbox, None, customer=customer, click={"ctwa_clid": CLICK})
    assert event is None
    assert shown["state"] != "delivered"
    assert shown["attempts"][0]["subcode"] == 2804132
