"""What the ledger tells, and that it survives."""

import contextlib
import errno
import hashlib
import json
import signal
import subprocess
import sys
import threading

import httpx2
import orjson
import pytest
from sandbox_events import DATASET, TOKEN, lead

from konversi.sandbox import Sandbox

HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def process(tmp_path):
    """`process(...)`: a local Meta as a process of its own, with a ledger, and its address."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "konversi.sandbox", "--port", "0", "--ledger", tmp_path / "ledger.jsonl"]
        child = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(child)
        watchdog = threading.Timer(20, child.kill)
        watchdog.start()
        try:
            return child, json.loads(child.stdout.readline())["url"]
        finally:
            watchdog.cancel()

    yield start
    for child in started:
        child.kill()
        child.communicate(timeout=10)


def post(url, *events, **options):
    return httpx2.post(f"{url}/v26.0/{DATASET}/events", json={"data": list(events)}, headers=HEADERS, **options)


def test_an_entry_tells_all_about_its_event(send, meta):
    event = lead()
    send(lead(event_id="0"))
    send(event, body={"test_event_code": "TEST1"}, version="v25.0")
    entry = meta.events()[-1]
    assert isinstance(entry.pop("received_at"), float)
    assert entry == {
        "request": 2,
        "dataset": DATASET,
        "version": "v25.0",
        "test_event_code": "TEST1",
        "sha256": hashlib.sha256(orjson.dumps(event)).hexdigest(),
        "event": event,
    }


def test_the_ledger_can_be_searched(send, http, meta):
    send(lead(event_id="1"), lead(event_id="2"))
    send(lead(event_id="1"), dataset="9999999999")
    assert [entry["dataset"] for entry in meta.events(event_id="1")] == [DATASET, "9999999999"]
    assert [entry["event"]["event_id"] for entry in meta.events(dataset=DATASET)] == ["1", "2"]
    later = meta.events()[-1]["received_at"]
    assert [entry["dataset"] for entry in meta.events(since=later)] == ["9999999999"]
    assert http.get("/_sandbox/events", params={"limit": 1}).json()["total"] == 3
    assert len(meta.events(limit=1)) == 1
    assert meta.events(event_id="3") == []


@pytest.mark.parametrize("asked", [{"limit": "all"}, {"limit": "-1"}, {"since": "yesterday"}])
def test_a_question_that_is_none_is_refused(http, asked):
    assert http.get("/_sandbox/events", params=asked).status_code == 422


def test_a_repeated_event_counts_once_as_distinct(send, meta):
    for _ in range(2):
        send(lead(event_id="1"), lead(event_id="1", event_name="Contact"))
    assert meta.counts() == {"events": 4, "requests": 2, "distinct": 2}


def test_the_ledger_can_be_emptied(send, http, meta):
    send(lead())
    http.delete("/_sandbox/events")
    assert meta.events() == []
    assert meta.counts() == {"events": 0, "requests": 0, "distinct": 0}


def test_the_page_shows_events_and_runs_nothing_of_theirs(send, http):
    send(lead(event_id="<script>alert(1)</script>"))
    page = http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script" not in page.text


def test_what_was_answered_survives_a_kill(process, tmp_path):
    child, url = process()
    answered = []
    halfway = threading.Event()

    def stream():
        with httpx2.Client(headers=HEADERS, timeout=10) as http:
            for number in range(100_000):
                body = {"data": [lead(event_id=str(number))]}
                try:
                    answer = http.post(f"{url}/v26.0/{DATASET}/events", json=body)
                except httpx2.TransportError:
                    return
                assert answer.status_code == 200
                answered.append(str(number))
                if number == 20:
                    halfway.set()

    sender = threading.Thread(target=stream)
    sender.start()
    assert halfway.wait(20)
    child.kill()
    assert child.wait(10) == -signal.SIGKILL
    sender.join(20)
    whole = [
        line for line in (tmp_path / "ledger.jsonl").read_bytes().splitlines(keepends=True) if line.endswith(b"\n")
    ]
    kept = [orjson.loads(line)["event"]["event_id"] for line in whole]
    assert kept[: len(answered)] == answered
    assert len(kept) <= len(answered) + 1


def test_a_ledger_goes_on_after_a_torn_line(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Sandbox(ledger=path) as first:
        assert post(first.graph_url, lead(event_id="1")).status_code == 200
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    with Sandbox(ledger=path) as second:
        assert second.counts() == {"events": 1, "requests": 1, "distinct": 1}
        assert post(second.graph_url, lead(event_id="2")).status_code == 200
        assert [(entry["request"], entry["event"]["event_id"]) for entry in second.events()] == [(1, "1"), (2, "2")]


def test_requests_at_once_are_all_kept(tmp_path):
    with Sandbox(ledger=tmp_path / "ledger.jsonl") as meta:
        senders = [
            threading.Thread(target=post, args=(meta.graph_url, lead(event_id=str(number)))) for number in range(16)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(10)
        assert sorted(int(entry["event"]["event_id"]) for entry in meta.events()) == list(range(16))
        assert meta.counts() == {"events": 16, "requests": 16, "distinct": 16}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "fault", [{"kind": "hang"}, {"kind": "latency", "seconds": 30}, {"kind": "drip", "seconds": 30}]
)
def test_the_server_ends_within_two_seconds_whatever_is_under_way(process, fault, number):
    child, url = process()
    httpx2.post(f"{url}/_sandbox/faults", json=fault)
    ended = threading.Event()

    def hang():
        with contextlib.suppress(httpx2.ReadError):
            post(url, lead(), timeout=10)
        ended.set()

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert not ended.wait(0.3)
    child.send_signal(number)
    assert child.wait(2) == 0
    assert ended.wait(10)
    hanging.join(10)
    assert child.stderr.read() == f"Local Meta listens on {url}\n"


def test_what_the_disk_does_not_take_is_not_called_received(tmp_path, monkeypatch):
    def full(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "ledger.jsonl"
    with Sandbox(ledger=path) as meta:
        assert post(meta.graph_url, lead(event_id="1")).status_code == 200
        with monkeypatch.context() as broken:
            broken.setattr("konversi.sandbox.ledger_file.os.fsync", full)
            answer = post(meta.graph_url, lead(event_id="2"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, 2)
        assert post(meta.graph_url, lead(event_id="3")).status_code == 200
        assert [entry["event"]["event_id"] for entry in meta.events()] == ["1", "3"]
        assert meta.counts() == {"events": 2, "requests": 2, "distinct": 2}


def test_a_process_knows_the_datasets_it_was_told_of(process):
    _, url = process("--dataset", f"{DATASET}:waba=777", "--dataset", "5555555555")
    assert post(url, lead()).status_code == 200
    listed = httpx2.get(f"{url}/_sandbox/datasets").json()["datasets"]
    assert [(each["id"], each["waba"]) for each in listed] == [(DATASET, "777"), ("5555555555", None)]


def test_a_process_that_cannot_start_says_why(process, tmp_path, capfd):
    command = [sys.executable, "-m", "konversi.sandbox", "--port", "0", "--dataset", "mine"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "dataset" in ended.stderr
    assert "Traceback" not in ended.stderr
