"""The pages as a browser's requests meet them: twins, files, forms and faults."""

import csv
import io
import json
import re
from functools import partial
from html import unescape

import pytest
from api_harness import FakeMeta, graph_error, lead, running

from konversi.access.roles import Scope
from konversi.outbox.states import State
from outboxes import until

FORM = {"content-type": "application/x-www-form-urlencoded"}
OURS = {**FORM, "sec-fetch-site": "same-origin"}


@pytest.fixture
def gateway(settings, tmp_path):
    meta = FakeMeta()
    meta.answer = graph_error(100, 2804050)
    given = settings(database_url=f"sqlite:///{tmp_path / 'pages.db'}")
    with running(given, meta=meta) as server:
        with server.client() as client:
            for number in range(3):
                client.post("/v1/events", json=lead(event_id=f"=cmd{number}"))
        server.call(until(partial(all_dead, server, 3)))
        yield server


async def all_dead(server, number):
    """A batch of several is split before they are."""
    return (await server.gateway.outbox.counts()).states[State.DEAD] == number


PATHS = [
    "/",
    "/events",
    "/attention",
    "/journeys",
    "/quality",
    "/bench",
    "/tail",
    "/value",
    "/datasets",
    "/system",
    "/consent",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_a_strict_policy_and_a_twin_in_json(gateway, path):
    with gateway.client() as client:
        page = client.get(path)
        twin = client.get("/overview.json" if path == "/" else f"{path}.json")
    assert page.status_code == twin.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert isinstance(twin.json(), dict)


def test_the_overview_counts_what_was_accepted_up_to_this_moment(gateway):
    with gateway.client() as client:
        told = client.get("/overview.json").json()
    assert told["accepted"] == 3
    assert told["delivered"] == 0
    assert told["now"]["needs_attention"] == 3


def test_each_number_of_the_overview_leads_to_the_rows_behind_it(settings, tmp_path):
    given = settings(database_url=f"sqlite:///{tmp_path / 'sound.db'}")
    with running(given, meta=FakeMeta()) as server, server.client() as client:
        for number in range(4):
            server.ended(client.post("/v1/events", json=lead(event_id=f"Lead:{number}")).json()["receipt"])
        page = client.get("/").text
        figures = page[page.index('<dl class="figures">') : page.index("</dl>")]
        assert not re.search(r"\d", re.sub(r"<a .*?</a>|</?\w[^>]*>", "", figures))
        typical, slow = (
            [one["event_id"] for one in client.get(f"/events.json?{unescape(query)}").json()["events"]]
            for query in re.findall(r'href="/events\?(slower=[^"]*)"', figures)
        )
        assert set(slow) <= set(typical) < {f"Lead:{number}" for number in range(4)}
        rows = client.get("/events.json?state=delivered").json()["events"]
    assert all(row["seconds_to_meta"] > 0 for row in rows)


def test_the_first_sentence_tells_bookings_where_one_event_stands_for_them(settings, tmp_path):
    given = settings(database_url=f"sqlite:///{tmp_path / 'sentence.db'}")
    with running(given, meta=FakeMeta()) as server, server.client() as client:
        for number, name in enumerate(("Lead", "InitiateCheckout", "Schedule")):
            told = client.post("/v1/events", json={**lead(event_id=f"E:{number}"), "event": name})
            server.ended(told.json()["receipt"])
            page = client.get("/").text
            sentence = page[page.index("<h1") : page.index("</h1>")]
            if name == "Schedule":
                assert "3 events reached Meta" in sentence
            else:
                assert "1 booking reached Meta" in sentence
                assert "event=Lead" in sentence


def test_what_needs_attention_is_grouped_by_its_cause(gateway):
    with gateway.client() as client:
        (cause,) = client.get("/attention.json").json()["causes"]
    assert (cause["state"], cause["events"], cause["step"]) == ("dead", 3, "replay")
    assert cause["remedy"]


def test_a_cell_of_the_csv_can_not_be_a_formula(gateway):
    with gateway.client() as client:
        answer = client.get("/events/export.csv?state=dead")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(row["event_id"] for row in rows) == ["'=cmd0", "'=cmd1", "'=cmd2"]


def test_the_same_filter_exports_lines_of_json(gateway):
    with gateway.client() as client:
        answer = client.get("/events/export.ndjson?q==cmd1")
    assert [json.loads(line)["event_id"] for line in answer.text.splitlines()] == ["=cmd1"]


@pytest.mark.parametrize("word", ["rc_000000000002", "=cmd1", "AbCdTrace123"])
def test_the_search_takes_a_receipt_an_event_id_and_a_trace(gateway, word):
    with gateway.client() as client:
        found = client.get("/events.json", params={"q": word}).json()["events"]
    assert "=cmd1" in {one["event_id"] for one in found}


def test_a_parameter_that_means_nothing_is_said_and_left_out(gateway):
    with gateway.client() as client:
        told = client.get("/events.json?state=nonsense&since=yesterday").json()
    assert told["misread"] == ["state", "since"]
    assert len(told["events"]) == 3


def test_a_filter_of_time_leaves_out_what_came_before(gateway):
    with gateway.client() as client:
        assert client.get("/events.json?since=2100-01-01").json()["events"] == []
        assert len(client.get("/events.json?range=1h").json()["events"]) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {**FORM, "sec-fetch-site": "cross-site"},
        {**FORM, "sec-fetch-site": "same-site"},
        {**FORM, "origin": "https://evil.example"},
        {**FORM, "origin": "null"},
        FORM,
    ],
)
def test_a_form_of_another_sites_page_changes_nothing(gateway, headers):
    body = "what=discard&because=x&sure=yes&receipt=rc_000000000001"
    with gateway.client() as client:
        assert client.post("/events/decide", content=body, headers=headers).status_code in (401, 403)
        assert client.get("/v1/events/rc_000000000001").json()["state"] == "dead"


def test_a_discard_asks_first_and_then_keeps_its_reason(gateway):
    with gateway.client() as client:
        asked = client.post("/events/decide", content="what=discard&receipt=rc_000000000001", headers=OURS)
        assert "Discard 1 event?" in asked.text
        assert client.get("/v1/events/rc_000000000001").json()["state"] == "dead"
        body = "what=discard&because=Twice&sure=yes&receipt=rc_000000000001&back=/events?state=dead"
        done = client.post("/events/decide", content=body, headers=OURS)
        assert done.status_code == 303
        assert done.headers["location"] == "/events?state=dead&done=1&left=0"
        assert client.get("/v1/events/rc_000000000001").json()["reason"] == "Discarded: Twice"


def test_all_events_of_a_filter_are_decided_about_together(gateway):
    with gateway.client() as client:
        body = "all=discard&state=dead&because=Test&sure=yes"
        assert client.post("/events/decide", content=body, headers=OURS).headers["location"] == "/events?done=3&left=0"
        assert len(client.get("/events.json?state=discarded").json()["events"]) == 3


@pytest.mark.parametrize("path", ["/events/rc_999999999999", "/events/nonsense", "/journeys/jn_999999999"])
def test_what_is_not_there_is_a_page_that_says_so(gateway, path):
    with gateway.client() as client:
        page, twin = client.get(path), client.get(f"{path}.json")
    assert page.status_code == twin.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert twin.headers["content-type"] == "application/problem+json"


def test_no_page_shows_a_secret(gateway):
    secrets = [gateway.settings.token.get_secret_value()]
    with gateway.client() as client:
        for path in (*PATHS, "/events/rc_000000000001", "/system.json", "/datasets.json"):
            text = client.get(path).text
            assert not any(secret in text for secret in secrets)


def test_static_files_are_named_by_their_contents_and_kept(gateway):
    with gateway.client() as client:
        (style,) = [part.split('"')[0] for part in client.get("/").text.split('rel="stylesheet" href="')[1:]]
        answer = client.get(style)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/css")
        assert client.get("/static/konversi.000000000000.css").status_code == 404
        assert client.get("/static/..%2fpage.html").status_code == 404


def test_open_alerts_stand_on_the_pages_that_people_open_first(gateway):
    gateway.call(gateway.gateway.alerts.look())
    with gateway.client() as client:
        for path in ("/", "/attention", "/system"):
            page = client.get(path, headers={"accept-language": "id"}).text
            assert "1 peringatan terbuka" in page
            assert "3 event ditolak Meta untuk seterusnya." in page
            assert "Betulkan yang disebut alasannya" in page
        told = client.get("/v1/alerts").json()["alerts"]
        for twin in ("/overview.json", "/attention.json", "/system.json"):
            assert client.get(twin).json()["alerts"] == told


def test_an_alert_about_events_is_not_told_any_more_once_all_of_them_were_decided_about(gateway):
    gateway.call(gateway.gateway.alerts.look())
    with gateway.client() as client:
        assert client.get("/attention.json").json()["alerts"]
        client.post("/events/decide", content="all=discard&state=dead&because=x&sure=yes", headers=OURS)
        for twin in ("/overview.json", "/attention.json", "/system.json"):
            assert client.get(twin).json()["alerts"] == []


def test_a_token_that_meta_refuses_shows_with_its_dataset(settings, tmp_path):
    meta = FakeMeta()
    meta.answer = graph_error(190)
    given = settings(database_url=f"sqlite:///{tmp_path / 'token.db'}")
    with running(given, meta=meta) as server, server.client() as client:
        receipt = client.post("/v1/events", json=lead(event_id="Lead:1")).json()["receipt"]
        server.ended(receipt)
        (dataset,) = client.get("/datasets.json").json()["datasets"]
        assert "Invalid access token" in dataset["paused"]
        assert "Needs you" in client.get("/datasets").text


def test_each_webhook_that_there_is_is_listed_with_what_it_lacks(gateway):
    with gateway.client() as client:
        doors = {one["platform"]: one for one in client.get("/datasets.json").json()["webhooks"]}
    assert set(doors) == {"whatsapp", "messenger", "twilio", "baileys", "midtrans", "xendit", "stripe"}
    assert doors["midtrans"]["missing"] == ["MIDTRANS_SERVER_KEY"]


def test_whoever_only_looks_is_told_of_an_alert_and_whom_to_tell(gateway):
    gateway.call(gateway.gateway.alerts.look())
    secret, _ = gateway.call(gateway.gateway.entrance.keys.create("eyes", Scope.READ))
    with gateway.client(headers={"authorization": f"Bearer {secret}"}) as client:
        page = client.get("/").text
    assert "3 events were refused by Meta for good." in page
    assert "Tell an operator or an admin" in page
    assert "Mend what the reason names" not in page


def test_a_reason_reads_in_the_language_of_the_page(gateway):
    with gateway.client(headers={"accept-language": "id"}) as client:
        page = client.get("/attention").text
        assert "Data pelanggan terlalu sedikit untuk dicocokkan dengan siapa pun (kode 100, subcode 2804050)." in page
        assert "Too little is known" not in page.replace("reason=Too", "").replace('value="Too', "")
        assert "Tidak ada apa-apa di alamat ini." in client.get("/events/rc_9").text


def test_the_return_says_that_test_events_count_for_nothing(gateway, settings):
    with gateway.client() as client:
        assert client.get("/return.json").json()["test_events_left_out"] is True
    with running(settings(environment="production")) as server:
        key, _ = server.call(server.gateway.entrance.keys.create("eyes", Scope.READ))
        with server.client(headers={"authorization": f"Bearer {key}"}) as client:
            assert client.get("/return.json").json()["test_events_left_out"] is False
