"""Two processes over one PostgreSQL database find the same trouble at the same time: somebody is told once."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest
from fleets import fleet

from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from outboxes import LATER, LIVE, all_of, ended, new_event
from processes import until

KEPT = "SELECT (SELECT count(*) FROM alerts), (SELECT count(*) FROM alert_notices)"
pytestmark = pytest.mark.fault


@contextmanager
def told():
    """What a webhook was told: the name of each call, and its body."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.headers["webhook-id"], json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/alerts", got
        server.shutdown()
        thread.join()


async def _refused(url):
    """An event that Meta refused for good."""
    outbox = await open_outbox(url)
    body = orjson.dumps({"event_name": "Lead", "event_time": int(time.time()), "event_id": "dead", "user_data": {}})
    await outbox.append([new_event("dead", lane=LIVE, body=body)])
    batch = await outbox.claim(LIVE, LATER, LATER, all_of)
    await outbox.settle(batch, ended(Step.REFUSE, "refused", reason="Meta found the event invalid."))
    await outbox.aclose()


def test_two_processes_tell_one_alert_once(tmp_path):
    with told() as (url, got):
        alerts = {"KONVERSI_ALERT_WEBHOOK_URL": url, "KONVERSI_ALERT_WEBHOOK_SECRET": "a secret"}
        with fleet(tmp_path, **alerts) as ships:
            asyncio.run(_refused(ships.database))
            both = [ships.member(name) for name in ("one", "two")]
            for one in both:
                one.start(wait=False)
            until(lambda: all(one.is_ready() for one in both), "both are ready")
            until(lambda: ships.ask(KEPT) == [(1, 0)], "it is told")
            assert [one.end(signal.SIGTERM) for one in both] == [0, 0]
    assert [(body["type"], body["data"]["rule"]) for _, body in got] == [("alert.opened", "events_refused")]
