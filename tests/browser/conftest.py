"""A gateway of its own with a day of traffic and 10,000 events more, and Debian's Chromium to look at it."""

import asyncio
import time

import httpx2
import pytest
from playwright.sync_api import sync_playwright
from pydantic import SecretStr
from served import CHROMIUM, PATIENCE, PIXEL, serving

from konversi.cli.demo_day import fill
from konversi.cli.demo_spend import told
from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from konversi.sandbox import Sandbox
from konversi.sandbox.ads import ACCOUNT
from konversi.settings import Settings
from konversi.wiring.spend import open_spending
from outboxes import LATER, all_of, ended, new_event

ROWS = 10_000
CHATS = 80
NOTES = '[["customer.email", "bad_email", "It is no address, so it was left out."]]'
BODY = b'{"event_name":"Lead","event_id":"%d","user_data":{"ph":["%064d"]}}'


async def _more(url):
    """10,000 events of which most are delivered, in large groups, and some that need a person."""
    outbox = await open_outbox(url)
    for start in range(0, ROWS, 1_000):
        some = range(start, start + 1_000)
        await outbox.append(
            [
                new_event(f"Many:{n}", name="Schedule", lane="default|live|website", body=BODY % (n, n))._replace(
                    notes=NOTES
                )
                for n in some
            ]
        )
        batch = await outbox.claim("default|live|website", LATER, LATER, all_of)
        refused = ended(
            Step.REFUSE, "refused", reason="Meta refused <b>it</b>.", http_status=400, fbtrace_id="TraceOfMany"
        )
        await outbox.settle(batch, refused if start == 0 else ended(ended_at=time.time()))
    await outbox.aclose()


async def _spent(settings, until):
    """What the ads of that day cost, as a Meta says it that is away again afterwards."""
    with Sandbox() as meta:
        body = told(until - 86_400, until, CHATS * 50)
        httpx2.post(f"{meta.graph_url}/_sandbox/spend", json=body, trust_env=False).raise_for_status()
        given = settings.model_copy(
            update={"graph_url": meta.graph_url, "token": SecretStr("EAAtokenThatMustNeverShow")}
        )
        async with open_spending(given, [f"act_{ACCOUNT}"]) as spending:
            pulled = await spending.pull(f"act_{ACCOUNT}")
        assert pulled.rows, pulled


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the gateway answers. Meta is away, so nothing changes by itself."""
    folder = tmp_path_factory.mktemp("browser")
    settings = Settings(data_dir=folder, database_url=None, secret=None, pixel_id=PIXEL)
    until = time.time() - 300
    asyncio.run(fill(settings, until=until, seed=1, chats=CHATS))
    asyncio.run(_spent(settings, until))
    asyncio.run(_more(settings.database))
    with serving(folder, "http://127.0.0.1:9") as served:
        yield served


@pytest.fixture(scope="module")
def chromium(address):
    """The browser. That it is missing is a failure: `make browser` says how to get it."""
    assert CHROMIUM, "Chromium is missing. Install it (Debian: apt-get install chromium), or name it: CHROMIUM=/path"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def looking(chromium, address):
    """Opens pages, and fails where one complained or asked another host for something."""
    contexts, complaints = [], []

    def heard(message, expected):
        if message.type == "error" and not message.text.startswith(expected):
            complaints.append(message.text)

    def look(answers=(), **given):
        """`answers` are the HTTP errors that are looked for: browsers write them to the console."""
        expected = tuple(f"Failed to load resource: the server responded with a status of {one}" for one in answers)
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **given})
        context.set_default_timeout(PATIENCE * 1_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard(message, expected))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith(address) else complaints.append(one.url))
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []
