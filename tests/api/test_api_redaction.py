"""Nobody's phone, address or name is written down in the clear: not in the store, not in a log, not in an answer."""

from __future__ import annotations

import base64
import io
import json
import logging
import re

import pytest
from api_harness import EVENTS, GUIDE, TOKEN, booking, graph_error, lead, plain, running, unreachable

from konversi import logs

PHONE, NATIONAL = "6281298765432", "0812-9876-5432"
IDENTITIES = {
    "phone": NATIONAL,
    "email": "Canary.Person@Example.org",
    "name": "Zyxwv Canaryname",
    "city": "Canaryville",
    "region": "Canaryshire",
    "postal_code": "98761",
    "gender": "female",
    "birth_date": "1987-03-29",
    "external_id": "CANARY-CUSTOMER-77",
}
TRACES = (
    PHONE, "81298765432", NATIONAL, "0812", "canary.person", "Canary.Person", "Zyxwv", "zyxwv", "Canaryname", "canaryname",
    "Canaryville", "canaryville", "canaryshire", "98761", "1987-03-29", "19870329", "CANARY-CUSTOMER", "canary-customer",
    TOKEN,
)  # fmt: skip
GUIDES = {
    "customerPhone": PHONE,
    "customerName": IDENTITIES["name"],
    "customerEmail": IDENTITIES["email"],
    "city": IDENTITIES["city"],
    "region": IDENTITIES["region"],
    "postalCode": IDENTITIES["postal_code"],
}
BAD = {
    "phone": "0812-9876-5432-0812-9876-5432-99", "email": "canary.person at example", "birth_date": "29 Zyxwv 1987", "name": "Zyxwv Canaryname",
    "country": "Canaryville", "gender": "Zyxwv", "lead_id": "0812", "fb_login_id": "Canary.Person", "madid": "Zyxwv Canaryname",
}  # fmt: skip
REQUESTS = [
    (EVENTS, lead(customer=IDENTITIES, booking_id="BK-1")),
    (EVENTS, lead(customer=IDENTITIES, booking_id="BK-1")),
    (EVENTS, lead(customer=IDENTITIES, booking_id="BK-1", value=2)),
    (EVENTS, lead(customer=IDENTITIES, channel="whatsapp", click={"ctwa_clid": "ARA"})),
    (EVENTS, lead(customer=BAD)),
    (EVENTS, lead(customer={**IDENTITIES, **BAD})),
    (EVENTS, lead(customer={**IDENTITIES, "phone": [PHONE, NATIONAL, "+62 812 9876 5432"]})),
    (EVENTS, lead(customer=IDENTITIES, value=-1, currency="XYZ", occurred_at=1)),
    (EVENTS, lead(customer={**IDENTITIES, "phone": 6281298765432})),
    (EVENTS, lead(customer=PHONE)),
    (EVENTS, lead(customer={**IDENTITIES, "unknown": PHONE})),
    (EVENTS, lead(customer={name: f"{value}\x00" for name, value in IDENTITIES.items()})),
    (EVENTS, lead(customer={name: value * 60 for name, value in IDENTITIES.items()})),
    (EVENTS, {"events": [lead(customer=IDENTITIES), lead(customer=BAD), IDENTITIES["name"], {"event": PHONE * 9}]}),
    (EVENTS, PHONE),
    (GUIDE, booking(**GUIDES)),
    (GUIDE, booking(**GUIDES, bookingId="BK-2")),
    (GUIDE, booking(**GUIDES, bookingId="BK-2", totalValue=2)),
    (GUIDE, booking(**GUIDES, totalValue=-1)),
    (GUIDE, booking(customerPhone="0812", customerName="Zyxwv Canaryname", customerEmail="canary.person")),
    (GUIDE, booking(customerPhone=6281298765432)),
    (GUIDE, booking(**{**GUIDES, "customerName": f"Zyxwv\x00{PHONE}"})),
]


@pytest.fixture(params=["console", "json"])
def printed(request, monkeypatch):
    """What all loggers of the process print, in each of Konversi's styles."""
    paper = io.StringIO()
    handler = logging.StreamHandler(paper)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(exc_info)s %(stack_info)s"))
    monkeypatch.setattr(logs, "_renderer", logs._json if request.param == "json" else logs._line)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, handler])
    level = root.level
    root.setLevel(logging.DEBUG)
    ours = logging.getLogger("konversi")  # a command that ran before has sent its lines elsewhere
    monkeypatch.setattr(ours, "propagate", True)
    monkeypatch.setattr(ours, "level", logging.NOTSET)
    yield paper.getvalue
    root.setLevel(level)


def stored(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.name.startswith("k.db"))


@pytest.mark.parametrize("meta_says", ["yes", "no", "nothing"])
def test_no_identity_is_found_in_the_store_the_log_or_an_answer(settings, meta, tmp_path, printed, meta_says):
    echo = f"Invalid: {TOKEN} for {TOKEN}"
    answers = {"no": graph_error(100, 2804050, message=echo), "nothing": unreachable}
    meta.answer = answers.get(meta_says, meta.answer)
    said = []
    folder = tmp_path / "store"
    kept = settings(database_url=f"sqlite:///{folder}/k.db")
    with running(kept, meta=meta) as server, server.client() as http:
        for path, body in REQUESTS:
            response = http.post(path, content=json.dumps(body).encode(), headers={"prefer": "wait=1"})
            assert response.status_code < 500
            said.append(response.text)
        http.post(EVENTS, content=f'{{"customer": {{"phone": "{PHONE}", "name": "Zyxwv'.encode())
        http.post(EVENTS, content=f"{PHONE}\n{{}}".encode(), headers={"content-type": "application/x-ndjson"})
        for path in (f"/{PHONE}", f"/webhooks/{PHONE}", f"/v1/agent/{PHONE}", f"/v1/datasets/{PHONE}"):
            asked = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            assert b" 40" in server.raw(asked.encode(), finish=False)  # not `http`: that logs addresses by itself
        listed = http.get(EVENTS, params={"limit": 500})
        said += [listed.text, http.get("/metrics").text, http.get("/v1/status").text]
        said += [http.get(f"{EVENTS}/{event['receipt']}").text for event in listed.json()["events"]]
        while_open = stored(folder)
    assert 'konversi_http_requests_total{door="webhooks",process="0",status="4xx"}' in "\n".join(said)
    texts = {
        "answers": "\n".join(said),
        "log": printed(),
        "store while it runs": while_open.decode("latin-1"),
        "store after": stored(folder).decode("latin-1"),
    }
    assert len(listed.json()["events"]) >= 6
    assert "Sending conversion event" in texts["log"]
    assert "Lead:BK-1" in texts["store while it runs"]
    found = [(place, trace) for place, text in texts.items() for trace in TRACES if tells(trace, text)]
    assert found == []


def tells(trace, text):
    """Short digits also occur in hashes and numbers by chance: those count only where they stand alone."""
    if trace.isdigit() and len(trace) < 8:
        return re.search(rf'"{trace}"', text) is not None
    return trace in text or base64.b64encode(trace.encode()).decode().rstrip("=") in text


def test_a_token_that_meta_echoes_is_kept_nowhere(settings, meta, tmp_path, printed):
    echo = json.dumps({"error": {"message": f"Bad signature {TOKEN}", "code": 100, "access_token": TOKEN}})
    meta.answer = plain(400, echo.encode())
    folder = tmp_path / "store"
    with running(settings(database_url=f"sqlite:///{folder}/k.db"), meta=meta) as server, server.client() as http:
        receipt = http.post(EVENTS, json=lead()).json()["receipt"]
        shown = server.ended(receipt)
    assert shown["state"] == "dead"
    assert "Bad signature" in shown["attempts"][0]["answer"]
    assert TOKEN not in json.dumps(shown) + printed()
    assert TOKEN.encode() not in stored(folder)


def test_what_is_printed_of_a_conversion_holds_no_identity():
    from konversi.events.conversion import Customer, Lead
    from konversi.intake.guide import GuideConversion

    conversion = Lead(customer=Customer(**IDENTITIES), booking_id="BK-1")
    assert not [trace for trace in TRACES if trace in repr(conversion) + str(conversion)]
    guides = GuideConversion(type="booking", **GUIDES)
    assert not [trace for trace in TRACES if trace in repr(guides) + str(guides)]
