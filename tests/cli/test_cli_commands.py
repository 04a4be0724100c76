"""The commands as processes, as a user runs them, with a local Meta."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

SECONDS = 60


@pytest.fixture
def run(tmp_path, meta_sandbox, commands):
    """Run a command in an empty folder, with credentials for the local Meta; or `code`, in a Python of its own."""

    def running(*arguments, given: bytes | None = None, code: list[str] | None = None, **settings):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))}
        surroundings = {
            "META_GRAPH_URL": meta_sandbox.graph_url.replace("127.0.0.1", "localhost"),
            "META_PIXEL_ID": "1234567890",
            "META_CONVERSION_API_TOKEN": "a-good-token",
            "KONVERSI_PORT": "1",  # nobody listens there
            **settings,
        }
        if code is None:
            return commands.run(list(arguments), cwd=tmp_path, env={**kept, **surroundings}, given=given)
        return subprocess.run(
            [sys.executable, *code, *arguments],
            cwd=tmp_path,
            env={**kept, **surroundings},
            input=given,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )

    return running


def test_send_delivers_from_the_command_where_no_gateway_runs(run, meta_sandbox):
    done = run("send", "Lead", "--phone", "0812-3456-7890", "--booking-id", "BK-1", "--value", "150000", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "delivered"
    (entry,) = meta_sandbox.events(event_id="Lead:BK-1")
    assert entry["event"]["custom_data"]["value"] == 150000


@pytest.mark.parametrize(
    "wrong",
    [
        ["--value", "nan"],
        ["--value", "inf"],
        ["--value", "1e30"],
        ["--service", "Cuci=inf"],
        ["--service", "Cuci=1e30"],
        ["--service", "Cuci=murah"],
        ["--occurred-at", "²"],
        ["--occurred-at", "yesterday"],
    ],
)
def test_send_refuses_what_is_no_amount_or_time_and_drops_nothing_in_silence(run, meta_sandbox, wrong):
    done = run("send", "Lead", "--phone", "0812-3456-7890", *wrong)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert meta_sandbox.counts()["events"] == 0


def test_send_takes_a_file_and_nothing_beside_it(run, tmp_path):
    (tmp_path / "event.json").write_text('{"event": "Lead", "customer": {"phone": "0812-3456-7890"}}')
    assert run("send", "--file", "event.json").returncode == 0
    assert run("send", "--file", "-", given=b'{"event": "Lead", "customer": {"phone": "0812"}}').returncode == 1
    assert run("send", "--file", "event.json", "--phone", "0812").returncode == 2


def test_hash_reads_and_writes_json_lines_whatever_they_hold(run):
    lines = [
        b'{"field": "phone", "input": "0812-3456-7890", "country": "ID"}',
        b'{"field": "em", "input": " Budi.Santoso@Gmail.COM "}',
        b"not json",
        b'{"field": 1}',
        b'{"field": "phone", "input": null}',
        b'{"field": "nonsense", "input": "x"}',
        b'{"field": "client_ip_address", "input": "8.8.8.8"}',
    ]
    done = run("hash", "--stdin", given=b"\n".join(lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [set(answer) for answer in answers] == [{"normalized", "sha256", "note"}] * len(lines)
    assert answers[0]["sha256"] == "dd752605096029a73495a91862983963e1947a834a4300808074185af10bb725"
    assert answers[1]["normalized"] == "budi.santoso@gmail.com"
    assert [answer["normalized"] for answer in answers[2:6]] == [None] * 4
    assert answers[6] == {"normalized": "8.8.8.8", "sha256": None, "note": None}


def test_doctor_finds_a_sound_installation_sound(run):
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stdout
    marks = {check["check"]: check["mark"] for check in json.loads(done.stdout)["checks"]}
    assert {"configuration", "storage", "sqlite", "token", "dataset", "clock"} <= marks.keys()
    assert "fault" not in marks.values()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"META_CONVERSION_API_TOKEN": "invalid-token"}, "Invalid access token"),
        ({"META_CONVERSION_API_TOKEN": ""}, "Missing Meta credentials"),
        ({"META_PIXEL_ID": "not-a-number"}, "META_PIXEL_ID"),
        ({"KONVERSI_ENV": "production", "META_TEST_EVENT_CODE": "X"}, "test event code"),
        ({"KONVERSI_DATA_DIR": "/proc/nowhere"}, "/proc"),
        ({"KONVERSI_DATABASE_URL": "sqlite:///:memory:"}, "KONVERSI_DATABASE_URL"),
        ({"KONVERSI_DATABASE_URL": "postgresql://x/y"}, "KONVERSI_DATABASE_URL"),
        ({"KONVERSI_DEFAULT_COUNTRY": "ZZ"}, "KONVERSI_DEFAULT_COUNTRY"),
    ],
)
def test_doctor_names_each_fault_and_its_remedy(run, settings, said):
    done = run("doctor", **settings)
    assert done.returncode == 1
    assert said in done.stdout.decode()
    assert "->" in done.stdout.decode()
    assert b"Traceback" not in done.stderr


def test_doctor_says_that_the_pixel_is_not_there(run, meta_sandbox):
    meta_sandbox.declare("99999999")
    done = run("doctor")
    assert done.returncode == 1
    assert "Pixel not found" in done.stdout.decode()


def test_a_file_of_settings_that_is_not_utf_8_is_named_and_not_a_traceback(run, tmp_path):
    (tmp_path / ".env.local").write_bytes('META_PIXEL_ID="1"'.encode("utf-16"))
    for command in (["doctor"], ["serve"], ["status"]):
        done = run(*command)
        assert done.returncode in (1, 78)
        assert b"UTF-8" in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr


def test_wrong_usage_ends_with_2_and_errors_with_1(run):
    assert run("nonsense").returncode == 2
    assert run("send").returncode == 2
    assert run("hash").returncode == 2
    assert run("status").returncode == 1


def test_status_and_events_read_the_database_where_no_gateway_runs(run):
    run("send", "Lead", "--phone", "0812-3456-7890", "--booking-id", "BK-1")
    listed = json.loads(run("events", "list", "--json").stdout)["events"]
    assert [event["event_id"] for event in listed] == ["Lead:BK-1"]
    shown = json.loads(run("events", "show", listed[0]["receipt"], "--json").stdout)
    assert shown["state"] == "delivered"
    assert json.loads(run("status", "--json").stdout)["states"]["delivered"] == 1
    assert run("events", "show", "rc_000000000099").returncode == 1
    told = run("status").stderr.decode()
    assert "No gateway answers at http://127.0.0.1:1;" in told
    assert "KONVERSI_URL=" in told


@pytest.mark.parametrize("what", ["events", "journeys"])
@pytest.mark.parametrize("limit", ["0", "501"])
def test_a_limit_that_no_list_takes_is_wrong_usage_and_the_help_says_the_most(run, what, limit):
    assert run(what, "list", "--limit", limit).returncode == 2
    assert b"up to 500" in run(what, "list", "--help").stdout


def test_a_proxy_in_the_environment_is_not_asked_for_this_machine(run):
    done = run("send", "Lead", "--phone", "0812-3456-7890", "--json", http_proxy="http://127.0.0.1:9")
    assert json.loads(done.stdout)["state"] == "delivered"


SCRIPT = """
import konversi

@konversi.on_success("Lead", id="booking_id", customer="phone")
def create_booking(phone):
    return {"booking_id": "BK-END"}

create_booking("0812-3456-7890")
"""


def test_a_script_that_ends_right_after_the_booking_has_delivered_it(run, meta_sandbox):
    done = run(code=["-c", SCRIPT])
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert len(meta_sandbox.events(event_id="Lead:BK-END")) == 1


FORKING = """
import os
import konversi
from konversi.client import default_tracker

tracker = default_tracker()
child = os.fork()
if child == 0:
    from konversi.client import opened_tracker
    os._exit(0 if opened_tracker() is None else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_does_not_take_its_parents_gateway_for_its_own(run):
    assert run(code=["-W", "ignore::DeprecationWarning", "-c", FORKING]).returncode == 0


def test_the_database_is_nobody_elses_to_read(run, tmp_path):
    run("send", "Lead", "--phone", "0812-3456-7890")
    assert (tmp_path / ".konversi" / "konversi.db").stat().st_mode & 0o077 == 0


def test_the_demo_ends_well_if_the_event_was_delivered(run):
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(str(probe.getsockname()[1]))
    done = run("demo", "--once", "--port", ports[0], "--sandbox-port", ports[1])
    assert done.returncode == 0, done.stderr
    assert b"The event is delivered. Done." in done.stdout
    assert b"[META CONVERSION] Successfully sent to Meta: Lead:" in done.stderr


def test_what_a_customer_may_ask_for_is_answered_where_no_gateway_runs(run, tmp_path):
    who = ("--phone", "0812-3456-7890")
    assert run("send", "Lead", *who, "--booking-id", "BK-1", "--value", "150000").returncode == 0
    assert run("consent", "deny", *who, "--source", "form").returncode == 0
    assert b"ads: denied; events are withheld." in run("consent", "show", *who).stderr
    exported = json.loads(run("export", *who).stdout)
    (event,) = exported["events"]["kept"]
    assert (event["event_id"], exported["consent"]["kept"][0]["source"]) == ("Lead:BK-1", "form")
    assert run("export", *who, "--output", "customer.json").returncode == 0
    written = tmp_path / "customer.json"
    assert json.loads(written.read_bytes())["events"] == exported["events"]
    assert written.stat().st_mode & 0o077 == 0
    assert run("export", *who, "--output", "customer.json").returncode == 1  # it is never overwritten
    told = json.loads(run("erase", *who, "--json").stdout)
    assert (told["state"], told["removed"]["events"], told["found_elsewhere"]) == ("done", 1, {})
    assert [one["event_id"] for one in told["meta_has"]] == ["Lead:BK-1"]
    assert run("erase", "--report", told["erasure"]).returncode == 0
    assert json.loads(run("export", *who).stdout)["forgotten"]["kept"] is True
    assert b"asked to be forgotten" in run("send", "Lead", *who).stderr
    assert run("erase", "--lift", *who).returncode == 0
    assert run("send", "Lead", *who).returncode == 0
